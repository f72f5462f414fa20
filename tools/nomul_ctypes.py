#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""nomul from Python, through ctypes: continues a prompt.

    nomul_ctypes.py MODEL.gguf "Once upon a time"

Needs the installed shared library, which pkg-config finds, else the loader.
"""
import ctypes
import os
import subprocess
import sys


class Error(ctypes.Structure):
    _fields_ = [("code", ctypes.c_int), ("text", ctypes.c_char * 1024)]


def load():
    try:
        folder = subprocess.run(
            ["pkg-config", "--variable=libdir", "nomul"], capture_output=True, text=True, check=True
        ).stdout.strip()
        path = folder + "/libnomul.so"
    except (OSError, subprocess.CalledProcessError):
        path = "libnomul.so.0"
    lib = ctypes.CDLL(path)
    lib.nomul_version.restype = ctypes.c_char_p
    lib.nomul_text_open.restype = ctypes.c_void_p
    lib.nomul_text_open.argtypes = [ctypes.c_char_p, ctypes.c_void_p, ctypes.POINTER(Error)]
    lib.nomul_text_prompt.argtypes = [
        ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t, ctypes.POINTER(Error)]
    lib.nomul_text_next.restype = ctypes.c_void_p
    lib.nomul_text_next.argtypes = [
        ctypes.c_void_p, ctypes.POINTER(ctypes.c_size_t), ctypes.POINTER(Error)]
    lib.nomul_text_free.argtypes = [ctypes.c_void_p]
    return lib


def generate(lib, model, prompt):
    """Yields the bytes of the text after the prompt, whole characters at a time."""
    error, size = Error(), ctypes.c_size_t()
    text = lib.nomul_text_open(model.encode(), None, error)
    try:
        if text:
            data = prompt.encode()
            lib.nomul_text_prompt(text, data, len(data), error)
        while not error.code:
            piece = lib.nomul_text_next(text, size, error)
            if not piece:
                break
            yield ctypes.string_at(piece, size.value)
        if error.code:
            raise RuntimeError(error.text.decode())
    finally:
        lib.nomul_text_free(text)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    try:
        for part in generate(load(), sys.argv[1], sys.argv[2]):
            sys.stdout.buffer.write(part)
            sys.stdout.buffer.flush()
    except BrokenPipeError:  # the reader has seen enough; what is buffered goes nowhere
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except RuntimeError as error:
        sys.exit(f"nomul_ctypes.py: {error}")
