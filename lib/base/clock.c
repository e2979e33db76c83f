/* The system's clocks and randomness, and the forms in which points in time are written. */
#include "lib/base/clock.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "lib/base/crypto.h"

/* The years 0000 to 9999, in which every form has a fixed width. */
#define FIRST_MS INT64_C(-62167219200000)
#define LAST_MS  INT64_C(253402300799999)

static const char weekday_names[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
static const char month_names[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

struct civil {
    /* Month and day from 1. */
    int year, month, day;
    int hour, minute, second;
    /* 0: Sunday. */
    int weekday;
};

static int64_t clock_read_ms(clockid_t id)
{
    struct timespec t;
    if (clock_gettime(id, &t) != 0)
        abort();
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int64_t clock_system_wall_ms(const struct clock *c)
{
    (void)c;
    return clock_read_ms(CLOCK_REALTIME);
}

static int64_t clock_system_mono_ms(const struct clock *c)
{
    (void)c;
    return clock_read_ms(CLOCK_BOOTTIME);
}

static void clock_system_random(const struct clock *c, void *to, size_t n)
{
    char *at = to;
    (void)c;
    while (n > 0) {
        ssize_t got = getrandom(at, n, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            abort();
        at += got;
        n -= (size_t)got;
    }
}

const struct clock system_clock = {
    .wall_ms = clock_system_wall_ms,
    .mono_ms = clock_system_mono_ms,
    .random = clock_system_random,
};

uint64_t clock_random_below(const struct clock *c, uint64_t below)
{
    /* Values below this bound would make small remainders likelier than others; they are replaced.
     */
    uint64_t unfair = (UINT64_MAX - below + 1) % below;
    uint64_t drawn;
    do
        c->random(c, &drawn, sizeof drawn);
    while (drawn < unfair);
    return drawn % below;
}

void clock_uuid(const struct clock *c, char to[37])
{
    uint8_t b[16];
    char hex[33];
    c->random(c, b, sizeof b);
    b[6] = (uint8_t)((b[6] & 0x0F) | 0x40);
    b[8] = (uint8_t)((b[8] & 0x3F) | 0x80);
    hex_encode(b, sizeof b, hex);
    for (const char *from = hex; *from; from++) {
        *to++ = *from;
        if (from == hex + 7 || from == hex + 11 || from == hex + 15 || from == hex + 19)
            *to++ = '-';
    }
    *to = '\0';
}

/* Days from 1970-01-01 to a date, and back. Years are counted from March, so that the leap day is
 * the last of a year ("chrono-Compatible Low-Level Date Algorithms", H. Hinnant). gmtime would take
 * a lock that all threads share. */
static int64_t civil_to_days(int year, int month, int day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t of_era = y - era * 400;
    int64_t of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static void civil_set_date(int64_t days, struct civil *to)
{
    int64_t z = days + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t of_era = z - era * 146097;
    int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
    int64_t month = (5 * of_year + 2) / 153;
    to->day = (int)(of_year - (153 * month + 2) / 5 + 1);
    to->month = (int)(month < 10 ? month + 3 : month - 9);
    to->year = (int)(year + era * 400 + (to->month <= 2));
    to->weekday = (int)(((days + 4) % 7 + 7) % 7);
}

static struct civil civil_from_ms(int64_t wall_ms)
{
    struct civil c;
    if (wall_ms < FIRST_MS)
        wall_ms = FIRST_MS;
    if (wall_ms > LAST_MS)
        wall_ms = LAST_MS;

    int64_t seconds = (wall_ms - FIRST_MS) / 1000 + FIRST_MS / 1000;
    int64_t days = (seconds - FIRST_MS / 1000) / 86400 + FIRST_MS / 86400000;
    int of_day = (int)(seconds - days * 86400);
    civil_set_date(days, &c);
    c.hour = of_day / 3600;
    c.minute = of_day / 60 % 60;
    c.second = of_day % 60;
    return c;
}

static char *put_number(char *to, int value, int width)
{
    for (int i = width - 1; i >= 0; i--) {
        to[i] = (char)('0' + value % 10);
        value /= 10;
    }
    return to + width;
}

static char *put_char(char *to, char c)
{
    *to = c;
    return to + 1;
}

static char *put_text(char *to, const char *text)
{
    size_t n = strlen(text);
    memcpy(to, text, n);
    return to + n;
}

static char *put_time(char *to, const struct civil *c)
{
    to = put_char(put_number(to, c->hour, 2), ':');
    to = put_char(put_number(to, c->minute, 2), ':');
    return put_number(to, c->second, 2);
}

void clock_iso_basic(int64_t wall_ms, char to[17])
{
    struct civil c = civil_from_ms(wall_ms);
    to = put_number(to, c.year, 4);
    to = put_number(to, c.month, 2);
    to = put_char(put_number(to, c.day, 2), 'T');
    to = put_number(to, c.hour, 2);
    to = put_number(to, c.minute, 2);
    to = put_char(put_number(to, c.second, 2), 'Z');
    *to = '\0';
}

void clock_iso(int64_t wall_ms, char to[21])
{
    struct civil c = civil_from_ms(wall_ms);
    to = put_char(put_number(to, c.year, 4), '-');
    to = put_char(put_number(to, c.month, 2), '-');
    to = put_char(put_number(to, c.day, 2), 'T');
    to = put_char(put_time(to, &c), 'Z');
    *to = '\0';
}

void clock_http_date(int64_t wall_ms, char to[30])
{
    struct civil c = civil_from_ms(wall_ms);
    to = put_text(put_text(to, weekday_names[c.weekday]), ", ");
    to = put_char(put_number(to, c.day, 2), ' ');
    to = put_char(put_text(to, month_names[c.month - 1]), ' ');
    to = put_char(put_number(to, c.year, 4), ' ');
    to = put_text(put_time(to, &c), " GMT");
    *to = '\0';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Reads exactly `width` digits. All take_* move *at past what they read. */
static bool take_number(const char **at, int width, int *value)
{
    *value = 0;
    for (int i = 0; i < width; i++) {
        if (!is_digit(**at))
            return false;
        *value = *value * 10 + (*(*at)++ - '0');
    }
    return true;
}

static bool take_char(const char **at, char c)
{
    if (**at != c)
        return false;
    (*at)++;
    return true;
}

/* A fraction of a second, cut to milliseconds; 0 if there is none. */
static bool take_fraction(const char **at, int *ms)
{
    int weight = 100;
    *ms = 0;
    if (!take_char(at, '.') && !take_char(at, ','))
        return true;
    if (!is_digit(**at))
        return false;
    for (; is_digit(**at); (*at)++, weight /= 10)
        *ms += (**at - '0') * weight;
    return true;
}

static int civil_days_in(int year, int month)
{
    static const int days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return month == 2 && leap ? 29 : days[month - 1];
}

static bool civil_to_ms(const struct civil *c, int ms, int64_t *wall_ms)
{
    if (c->month < 1 || c->month > 12 || c->day < 1 || c->day > civil_days_in(c->year, c->month))
        return false;
    /* The 60th second is a leap second. */
    if (c->hour > 23 || c->minute > 59 || c->second > 60)
        return false;

    int64_t seconds = civil_to_days(c->year, c->month, c->day) * 86400 + c->hour * 3600 +
                      c->minute * 60 + c->second;
    *wall_ms = seconds * 1000 + ms;
    return true;
}

/* "Z" or an offset "+hh:mm", "+hhmm". */
static bool take_zone(const char **at, int *minutes_east)
{
    int hours;
    int minutes;
    int sign = 1;
    *minutes_east = 0;
    if (take_char(at, 'Z') || take_char(at, 'z'))
        return true;
    if (take_char(at, '-'))
        sign = -1;
    else if (!take_char(at, '+'))
        return false;
    if (!take_number(at, 2, &hours))
        return false;
    take_char(at, ':');
    if (!take_number(at, 2, &minutes) || hours > 23 || minutes > 59)
        return false;
    *minutes_east = sign * (hours * 60 + minutes);
    return true;
}

/* Both the extended form (2015-08-30T12:36:00Z) and the basic one (20150830T123600Z). */
static bool clock_parse_iso(const char *at, int64_t *wall_ms)
{
    struct civil c = {0};
    int ms;
    int east;
    if (!take_number(&at, 4, &c.year))
        return false;
    bool extended = take_char(&at, '-');
    if (!take_number(&at, 2, &c.month) || (extended && !take_char(&at, '-')) ||
        !take_number(&at, 2, &c.day))
        return false;
    if (!take_char(&at, 'T') && !take_char(&at, 't') && !take_char(&at, ' '))
        return false;
    if (!take_number(&at, 2, &c.hour) || (extended && !take_char(&at, ':')) ||
        !take_number(&at, 2, &c.minute) || (extended && !take_char(&at, ':')) ||
        !take_number(&at, 2, &c.second))
        return false;
    if (!take_fraction(&at, &ms) || !take_zone(&at, &east) || *at != '\0')
        return false;
    if (!civil_to_ms(&c, ms, wall_ms))
        return false;
    *wall_ms -= (int64_t)east * 60000;
    return true;
}

/* libcurl accepts more than the one form of RFC 9110 that servers must send; that form reads the
 * same when it is written again. */
static bool clock_parse_http_date(const char *at, int64_t *wall_ms)
{
    char again[30];
    *wall_ms = (int64_t)curl_getdate(at, NULL) * 1000;
    clock_http_date(*wall_ms, again);
    return strcmp(again, at) == 0;
}

static bool clock_parse_epoch(const char *at, int64_t *wall_ms)
{
    int64_t seconds = 0;
    int ms;
    if (!is_digit(*at))
        return false;
    for (; is_digit(*at); at++) {
        seconds = seconds * 10 + (*at - '0');
        if (seconds > LAST_MS / 1000)
            return false;
    }
    if (!take_fraction(&at, &ms) || *at != '\0')
        return false;
    *wall_ms = seconds * 1000 + ms;
    return true;
}

bool clock_parse(const char *text, int64_t *wall_ms)
{
    int64_t parsed;
    if (!clock_parse_iso(text, &parsed) && !clock_parse_http_date(text, &parsed) &&
        !clock_parse_epoch(text, &parsed))
        return false;
    *wall_ms = parsed;
    return true;
}
