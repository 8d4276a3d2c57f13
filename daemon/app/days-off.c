/* days-off.h: a calendar's days, from its file to a person's. */
#include "duewatch/days-off.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static void closep(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

int dw_days_off_load(struct dw_days_off *out, const char *path, dw_time now, struct dw_err *err)
{
	DW_CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	DW_FREE char *text = NULL;
	struct stat st;
	size_t n = 0;
	ssize_t got;

	if (fd < 0 || fstat(fd, &st) < 0)
		return dw_err_set(err, -errno, "can't be read: %s", strerror(errno));
	if (!S_ISREG(st.st_mode))
		return dw_err_set(err, -EISDIR, "is no file");
	if (st.st_size > DW_ICAL_SIZE_MAX)
		return dw_err_set(err, -EINVAL, "is over %d KiB", DW_ICAL_SIZE_MAX / 1024);
	text = dw_malloc((size_t)st.st_size + 1);
	if (!text)
		return dw_err_oom(err);
	while (n < (size_t)st.st_size) {
		got = read(fd, text + n, (size_t)st.st_size - n);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return dw_err_set(err, -errno, "can't be read: %s", strerror(errno));
		if (got == 0)
			break;
		n += (size_t)got;
	}
	return dw_days_off_read(out, text, n, now, err);
}

void dw_days_off_fini(struct dw_days_off *d)
{
	dw_holidays_fini(&d->days);
	free(d->span);
	*d = (struct dw_days_off){ 0 };
}

bool dw_days_off_same(const struct dw_days_off *a, const struct dw_days_off *b)
{
	if (a->days.n != b->days.n || a->n_span != b->n_span)
		return false;
	for (size_t i = 0; i < a->days.n; i++)
		if (a->days.range[i].first != b->days.range[i].first || a->days.range[i].last != b->days.range[i].last)
			return false;
	for (size_t i = 0; i < a->n_span; i++)
		if (a->span[i].from != b->span[i].from || a->span[i].to != b->span[i].to)
			return false;
	return true;
}

int dw_days_off_put(struct dw_holidays *h, const struct dw_days_off *d, const struct dw_zone *z, struct dw_err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < d->days.n; i++)
		r = dw_holidays_put(h, d->days.range[i], err);
	for (size_t i = 0; r == 0 && i < d->n_span; i++) {
		struct dw_civil to;
		int32_t first = dw_zone_day(z, d->span[i].from), end;

		dw_zone_civil(z, d->span[i].to, &to);
		end = dw_day_number(to.year, to.month, to.day) + (to.hour == 23 && to.minute == 59);
		if (d->span[i].from != dw_day_start(z, first) || (d->span[i].to != dw_day_start(z, end) && to.minute != 59) || end <= first)
			continue; /* no whole days here */
		r = dw_holidays_put(h, (struct dw_days){ first, end - 1 }, err);
	}
	return r;
}

int dw_holidays_count(const struct dw_holidays *h, int32_t first, int32_t last)
{
	int n = 0;

	for (size_t i = 0; i < h->n; i++) {
		int32_t from = h->range[i].first > first ? h->range[i].first : first;
		int32_t to = h->range[i].last < last ? h->range[i].last : last;

		n += to >= from ? (int)(to - from) + 1 : 0;
	}
	return n;
}
