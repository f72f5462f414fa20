/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/numbers.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/os.h"

nm_shown nm_show_count(uint64_t n)
{
    nm_shown shown = {""};
    char     digits[24], *to = shown.text;
    size_t   n_digits = (size_t)snprintf(digits, sizeof digits, "%" PRIu64, n);

    for (size_t i = 0; i < n_digits; i++) { /* 20 digits and 6 commas at most */
        if (i > 0 && (n_digits - i) % 3 == 0) *to++ = ',';
        *to++ = digits[i];
    }
    return shown;
}

nm_shown nm_show_bytes(uint64_t n_bytes)
{
    static const char *const units[] = {"bytes", "kB", "MB", "GB", "TB"};
    nm_shown                 shown;
    double                   value = (double)n_bytes;
    size_t                   unit = 0;

    for (; value >= 999.95 && unit < 4; unit++) value /= 1000;
    snprintf(shown.text, sizeof shown.text, unit ? "%.1f %s" : "%.0f %s", value, units[unit]);
    return shown;
}

nm_shown nm_show_seconds(double seconds)
{
    nm_shown shown;

    if (seconds < 1)
        snprintf(shown.text, sizeof shown.text, "%.1f ms", 1000 * seconds);
    else
        snprintf(shown.text, sizeof shown.text, "%.2f s", seconds);
    return shown;
}

uint64_t nm_random_seed(void)
{
    uint32_t seed = 0;

    return nm_os_random(&seed, sizeof seed) ? seed : (uint32_t)(nm_os_unlike() >> 10);
}
