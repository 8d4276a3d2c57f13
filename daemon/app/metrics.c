/* metrics.h */
#include "duewatch/metrics.h"

#include "write.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const class_words[DW_CLASSES] = { "undecided", "quiet", "watching", "open", "acked" };

static void head(struct dw_buf *b, const char *name, const char *type, const char *help)
{
	dw_buf_printf(b, "# HELP duewatch_%s %s\n# TYPE duewatch_%s %s\n", name, help, name, type);
}

/* A label's value: \ " and line ends are escaped, what isn't UTF-8 becomes '?'. */
static void label(struct dw_buf *b, const char *name, const char *value)
{
	size_t n = strlen(value);

	dw_buf_printf(b, "%s=\"", name);
	for (size_t i = 0, k; i < n; i += k ? k : 1) {
		k = dw_utf8_seq(value + i, n - i);
		if (value[i] == '\n')
			dw_buf_puts(b, "\\n");
		else if (value[i] == '\\' || value[i] == '"') {
			dw_buf_putc(b, '\\');
			dw_buf_putc(b, value[i]);
		} else if (k)
			dw_buf_add(b, value + i, k);
		else
			dw_buf_putc(b, '?');
	}
	dw_buf_putc(b, '"');
}

static void number(struct dw_buf *b, const char *name, int64_t v)
{
	dw_buf_printf(b, "duewatch_%s %lld\n", name, (long long)v);
}

static int64_t instant(dw_time t)
{
	return t == DW_UNKNOWN || t == DW_NEVER ? 0 : t;
}

static void one(struct dw_buf *b, const char *name, const char *type, const char *help, int64_t v)
{
	head(b, name, type, help);
	number(b, name, v);
}

/* ---- families ---- */

static void orders(struct dw_buf *b, const struct dw_counts *c)
{
	head(b, "orders", "gauge", "Orders by feed and state; each is in one.");
	for (size_t i = 0; i < c->n_feed; i++)
		for (int k = 0; k < DW_CLASSES; k++) {
			dw_buf_puts(b, "duewatch_orders{");
			label(b, "feed", c->feed[i].name);
			dw_buf_printf(b, ",state=\"%s\"} %lld\n", class_words[k], (long long)c->feed[i].class[k]);
		}
}

struct feed_family {
	const char *name, *help;
	int64_t (*value)(const struct dw_feed_metric *f);
};

static int64_t data_time(const struct dw_feed_metric *f)
{
	return instant(f->data_time);
}

static int64_t last_success(const struct dw_feed_metric *f)
{
	return instant(f->last_success);
}

static int64_t failed(const struct dw_feed_metric *f)
{
	return f->failed;
}

static int64_t stale(const struct dw_feed_metric *f)
{
	return f->stale;
}

static int64_t missing(const struct dw_feed_metric *f)
{
	return f->missing;
}

static int64_t rejected(const struct dw_feed_metric *f)
{
	return f->rejected;
}

static const struct feed_family feed_families[] = {
	{ "feed_data_timestamp_seconds", "From when a feed's data is; 0: none yet.", data_time },
	{ "feed_last_success_timestamp_seconds", "When a read last gave something new (an unchanged file is not read again); 0: never.", last_success },
	{ "feed_error", "1: the last read of the feed failed, or its list is in doubt.", failed },
	{ "feed_stale", "1: the feed's data is older than its stale_after.", stale },
	{ "feed_missing_orders", "Orders the feed no longer lists.", missing },
	{ "feed_rejected", "Cells and rows the last read could not use.", rejected },
};

static void feeds(struct dw_buf *b, const struct dw_metrics *m)
{
	for (size_t k = 0; k < DW_COUNT(feed_families); k++) {
		head(b, feed_families[k].name, "gauge", feed_families[k].help);
		for (size_t i = 0; i < m->n_feed; i++) {
			dw_buf_printf(b, "duewatch_%s{", feed_families[k].name);
			label(b, "feed", m->feed[i].name);
			dw_buf_printf(b, "} %lld\n", (long long)feed_families[k].value(&m->feed[i]));
		}
	}
}

static void relays(struct dw_buf *b, const struct dw_metrics *m)
{
	head(b, "relay_up", "gauge", "0: the relay is ill, and left alone while another is well.");
	for (size_t i = 0; i < m->n_relay; i++) {
		dw_buf_puts(b, "duewatch_relay_up{");
		label(b, "relay", m->relay[i].name);
		dw_buf_printf(b, "} %d\n", m->relay[i].well);
	}
}

static void outbox(struct dw_buf *b, const struct dw_metrics *m)
{
	dw_time oldest = m->mails->oldest;

	head(b, "outbox_mails", "gauge", "Mails in the store by state; those over are kept for 400 days.");
	for (int i = 0; i < 6; i++)
		dw_buf_printf(b, "duewatch_outbox_mails{state=\"%s\"} %lld\n", dw_mail_state_words[i],
			      (long long)m->mails->mail[i]);
	one(b, "outbox_oldest_waiting_seconds", "gauge", "Age of the oldest mail that has not left; 0: none waits.",
	    oldest == DW_UNKNOWN || oldest > m->now ? 0 : m->now - oldest);
	one(b, "mails_sent_total", "counter", "Mails the relay took since the start.", m->sent);
	one(b, "mail_retries_total", "counter", "Tries after a mail's first one since the start.", m->retries);
}

void dw_metrics_text(struct dw_buf *b, const struct dw_metrics *m)
{
	head(b, "build_info", "gauge", "The program's version.");
	dw_buf_puts(b, "duewatch_build_info{version=\"" DW_VERSION "\"} 1\n");
	one(b, "start_time_seconds", "gauge", "When the daemon started.", instant(m->started));
	one(b, "last_tick_timestamp_seconds", "gauge", "When it last looked whether something is due.", instant(m->last_tick));
	one(b, "ticks_total", "counter", "Such looks since the start.", m->ticks);
	one(b, "decisions_total", "counter", "Orders decided since the start.", m->decisions);
	one(b, "cycle_whole", "gauge",
	    "1: feeds read and fresh, all decided and stored, no mail waiting for over an hour, clock believed.", m->whole);
	one(b, "clock_believed", "gauge", "0: the clock jumped and nothing is decided until it is confirmed.", m->clock_believed);
	one(b, "heartbeat_timestamp_seconds", "gauge", "When the heartbeat was last answered well; 0: not since the start.",
	    instant(m->heartbeat));
	one(b, "reconciled_timestamp_seconds", "gauge", "When the books were last balanced; 0: never.", instant(m->reconciled));
	one(b, "unaccounted", "gauge", "1: orders or steps did not add up then: see the log.", m->unaccounted);
	if (m->orders)
		orders(b, m->orders);
	feeds(b, m);
	outbox(b, m);
	if (m->n_relay)
		relays(b, m);
}

/* ---- the file ---- */

/* Not synced: after a power cut it is written anew within a minute. */
int dw_metrics_write(const char *path, const char *text, size_t n, struct dw_err *err)
{
	DW_BUF part = { 0 };
	int fd, r;

	dw_buf_printf(&part, "%s.part", path); /* node_exporter reads *.prom only */
	if (part.failed)
		return dw_err_oom(err);
	unlink(part.p);
	fd = open(part.p, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0)
		return dw_err_set(err, -errno, "metrics_file: cannot make %s: %s", part.p, strerror(errno));
	r = dw_write_all(fd, text, n);
	if (r == 0 && fchmod(fd, 0644) < 0)
		r = -errno;
	close(fd);
	if (r == 0 && rename(part.p, path) < 0)
		r = -errno;
	if (r < 0) {
		unlink(part.p);
		return dw_err_set(err, r, "metrics_file: cannot write %s: %s", path, strerror(-r));
	}
	return 0;
}
