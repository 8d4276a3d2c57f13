/* ingest.h: the two passes of a read. */
#include "ingest-map.h"

#include "../feed/files.h"

#include <stdio.h>
#include <sys/random.h>

/* What the survey learns of an order number: 64 bits of its hash, the file and the run of rows it was seen in. */
struct seen {
	uint64_t hash; /* 0: free */
	uint32_t run;
	uint16_t file;
	bool scattered; /* its rows don't stand together */
};

/* An order whose rows don't stand together, folded while the file goes by. */
struct gather {
	uint64_t hash;
	struct dw_fold fold;
	struct dw_read_order o;
	size_t bytes; /* of its texts */
	struct gather *next;
};

struct pass {
	const struct dw_feed_conf *conf;
	struct dw_read_report *report;
	struct dw_map map;
	bool mapped;
	uint16_t file;
	dw_time base; /* of time-left values */
	/* survey */
	uint64_t seed; /* of the hashes: a secret of this read's */
	struct seen *table;
	size_t cap, used;
	uint64_t last;
	uint32_t run;
	int64_t long_ids, zero_ids;
	/* delivery */
	int (*order)(void *ctx, struct dw_read_order *o, struct dw_err *err);
	void *ctx;
	struct dw_fold fold;
	struct dw_read_order cur;
	bool open;
	struct gather **gathered; /* by hash, as many buckets as scattered orders */
	size_t n_gathered, buckets;
	size_t held; /* bytes they take */
	unsigned long shortages; /* dw_shortages() at the start */
};

enum { LONG_ID = 18, ORDERS_MAX = 20 * 1000 * 1000, GATHER_MAX = 512 * 1024 * 1024 };

static struct seen *slot(struct seen *table, size_t cap, uint64_t hash)
{
	size_t i = (size_t)hash & (cap - 1);

	while (table[i].hash && table[i].hash != hash)
		i = (i + 1) & (cap - 1);
	return &table[i];
}

static int table_grow(struct pass *p)
{
	size_t cap = p->cap ? p->cap * 2 : 1024;
	struct seen *t;

	if (p->used * 4 < p->cap * 3)
		return 0;
	if (cap > ORDERS_MAX * (size_t)2)
		return -E2BIG;
	t = dw_calloc(cap, sizeof(*t));
	if (!t)
		return -ENOMEM;
	for (size_t i = 0; i < p->cap; i++)
		if (p->table[i].hash)
			*slot(t, cap, p->table[i].hash) = p->table[i];
	free(p->table);
	p->table = t;
	p->cap = cap;
	return 0;
}

/* Seeded, and its bits mixed: FNV's low bits depend on low bits alone, so a file could be full of numbers that fall into
 * one slot, and 2^20 of them would take an hour; two of one hash would be one order. */
static uint64_t id_hash(const struct pass *p, const char *id)
{
	uint64_t h = dw_hash_str(DW_HASH_INIT ^ p->seed, id);

	h = (h ^ h >> 33) * UINT64_C(0xFF51AFD7ED558CCD);
	h = (h ^ h >> 33) * UINT64_C(0xC4CEB9FE1A85EC53);
	h ^= h >> 33;
	return h ? h : 1;
}

static int on_header(void *ctx, const struct dw_row *row, struct dw_err *err)
{
	struct pass *p = ctx;
	int r;

	dw_map_fini(&p->map);
	p->mapped = false;
	r = dw_map_header(&p->map, p->conf, row, err);
	p->mapped = r == 0;
	for (int x = 0; r == 0 && x < DW_FIELD_COUNT; x++)
		if (p->map.column[x] >= 0)
			p->report->columns |= UINT32_C(1) << x;
	return r;
}

/* rules.md §2, Bad cells: three or more long numbers, over half of them ending in 000. */
static void count_digits(struct pass *p, const char *id)
{
	size_t n = strlen(id);

	if (n < LONG_ID || strspn(id, "0123456789") != n)
		return;
	p->long_ids++;
	p->zero_ids += strcmp(id + n - 3, "000") == 0;
}

static bool stopped(const struct pass *p)
{
	return p->report->stop && atomic_load_explicit(p->report->stop, memory_order_relaxed);
}

/* Such orders are held until the file's end. */
static int too_scattered(const struct pass *p, struct dw_err *err)
{
	return dw_err_set(err, -E2BIG, "the rows of %zu orders don't stand together, which is too much to hold: sort the file by its "
			  "order numbers", p->n_gathered);
}

static int survey_row(void *ctx, const struct dw_row *row, struct dw_err *err)
{
	struct pass *p = ctx;
	char id[128];
	struct seen *s;
	uint64_t hash;
	int r;

	if (stopped(p))
		return dw_err_set(err, -ECANCELED, "the read was given up");
	p->report->rows++;
	r = dw_map_order_id(&p->map, row, id, sizeof(id), NULL);
	if (r < 0)
		return r == -ENOMEM ? dw_err_oom(err) : 0; /* reported by the delivery */
	hash = id_hash(p, id);
	r = table_grow(p);
	if (r < 0)
		return r == -ENOMEM ? dw_err_oom(err) : dw_err_set(err, r, "more than %d orders in one feed", ORDERS_MAX);
	s = slot(p->table, p->cap, hash);
	if (hash != p->last)
		p->run++;
	p->last = hash;
	if (!s->hash) {
		*s = (struct seen){ .hash = hash, .run = p->run, .file = p->file };
		p->used++;
		count_digits(p, id);
	} else if (s->file == p->file && s->run != p->run && !s->scattered) {
		s->scattered = true;
		p->n_gathered++;
		if (p->n_gathered > GATHER_MAX / sizeof(struct gather))
			return too_scattered(p, err);
	}
	return 0;
}

static int start_order(struct dw_read_order *o, const struct pass *p, const struct dw_row *row)
{
	*o = (struct dw_read_order){ .print = p->map.print, .line = row->line, .must_parse = p->map.any_left };
	return 0;
}

/* A row into an order's fold. */
static int fold_row(struct pass *p, struct dw_fold *fold, struct dw_read_order *o, const struct dw_row *row,
		    struct dw_err *err)
{
	struct dw_read_order one = { .print = o->print };
	int r = dw_map_row(&p->map, p->conf, row, p->base, &one, p->report, err);

	if (r == 0) {
		o->bad |= one.bad;
		o->left |= one.left;
		o->print = one.print;
		r = dw_fold_add(fold, &one.facts) < 0 ? dw_err_oom(err) : 0;
	}
	dw_facts_fini(&one.facts);
	return r;
}

static int hand_over(struct pass *p, struct dw_fold *fold, struct dw_read_order *o, struct dw_err *err)
{
	bool differ = fold->differ;
	int r = dw_fold_finish(fold, &o->facts);

	if (r < 0 || p->shortages != dw_shortages())
		return dw_err_oom(err);
	if (differ)
		dw_report_reject(p->report, "line %lld: order %s: its rows name different amounts; the first counts",
				 (long long)o->line, o->facts.text[DW_F_ORDER_ID]);
	p->report->orders++;
	r = p->order(p->ctx, o, err);
	dw_facts_fini(&o->facts);
	return r;
}

static int flush(struct pass *p, struct dw_err *err)
{
	if (!p->open)
		return 0;
	p->open = false;
	return hand_over(p, &p->fold, &p->cur, err);
}

static size_t text_bytes(const struct dw_facts *f)
{
	size_t n = 0;

	for (int x = 0; x < DW_FIELD_COUNT; x++)
		n += f->text[x] ? strlen(f->text[x]) + 1 : 0;
	return n;
}

static int gather_row(struct pass *p, uint64_t hash, const struct dw_row *row, struct dw_err *err)
{
	struct gather **at, *g;
	size_t before;
	int r;

	if (!p->gathered) {
		p->buckets = p->n_gathered * 2 + 1;
		p->gathered = dw_calloc(p->buckets, sizeof(*p->gathered));
		if (!p->gathered)
			return dw_err_oom(err);
	}
	at = &p->gathered[hash % p->buckets];
	for (g = *at; g && g->hash != hash; g = g->next)
		;
	if (!g) {
		g = dw_calloc(1, sizeof(*g));
		if (!g)
			return dw_err_oom(err);
		g->hash = hash;
		start_order(&g->o, p, row);
		g->next = *at;
		*at = g;
		p->held += sizeof(*g);
	}
	r = fold_row(p, &g->fold, &g->o, row, err);
	before = g->bytes;
	g->bytes = text_bytes(&g->fold.f) + text_bytes(&g->fold.cancelled);
	p->held += g->bytes - before;
	return r == 0 && p->held > GATHER_MAX ? too_scattered(p, err) : r;
}

static int deliver_row(void *ctx, const struct dw_row *row, struct dw_err *err)
{
	struct pass *p = ctx;
	struct dw_err why;
	char id[128];
	uint64_t hash;
	struct seen *s;
	int r;

	if (stopped(p))
		return dw_err_set(err, -ECANCELED, "the read was given up");
	r = dw_map_order_id(&p->map, row, id, sizeof(id), &why);
	if (r < 0) {
		p->report->rejected_ids++;
		dw_report_reject(p->report, "line %lld: the whole row: %s", (long long)row->line, why.text);
		return 0;
	}
	hash = id_hash(p, id);
	s = p->cap ? slot(p->table, p->cap, hash) : NULL;
	if (!s || !s->hash)
		return dw_err_set(err, -EAGAIN, "the file changed while it was read");
	if (s->file != p->file)
		return 0; /* a newer file has this order */
	if (s->scattered)
		return gather_row(p, hash, row, err);
	if (p->open && p->last != hash && (r = flush(p, err)) < 0)
		return r;
	if (!p->open) {
		p->open = true;
		start_order(&p->cur, p, row);
	}
	p->last = hash;
	return fold_row(p, &p->fold, &p->cur, row, err);
}

static int flush_gathered(struct pass *p, struct dw_err *err)
{
	int r = 0;

	for (size_t i = 0; i < p->buckets && p->gathered; i++)
		for (struct gather *g = p->gathered[i]; r == 0 && g; g = g->next)
			r = hand_over(p, &g->fold, &g->o, err);
	return r;
}

static void pass_fini(struct pass *p)
{
	for (size_t i = 0; i < p->buckets && p->gathered; i++)
		while (p->gathered[i]) {
			struct gather *g = p->gathered[i];

			p->gathered[i] = g->next;
			dw_fold_fini(&g->fold);
			dw_facts_fini(&g->o.facts);
			free(g);
		}
	free(p->gathered);
	free(p->table);
	dw_fold_fini(&p->fold);
	dw_facts_fini(&p->cur.facts);
	dw_map_fini(&p->map);
}

static const struct dw_table_ops *ops_of(const char *type)
{
	const struct dw_table_ops *all[] = { &dw_csv, &dw_xlsx };

	for (size_t i = 0; i < DW_COUNT(all); i++)
		if (strcmp(all[i]->type, type) == 0)
			return all[i];
	return NULL;
}

/* One pass over one file; an error names the file where there are several. */
static int one_file(struct pass *p, const struct dw_file *f, int (*row)(void *, const struct dw_row *, struct dw_err *),
		    struct dw_err *err)
{
	struct dw_table_opts opts = { .encoding = p->conf->encoding, .delimiter = p->conf->delimiter,
				      .sheet = p->conf->sheet };
	struct dw_table_sink sink = { .header = on_header, .row = row, .ctx = p };
	const struct dw_table_ops *ops = ops_of(p->conf->type);
	const char *base = strrchr(f->path, '/');
	struct dw_err why = { "" };
	int r;

	p->base = f->st.st_mtim.tv_sec;
	p->mapped = false;
	if (!ops)
		return dw_err_set(err, -EINVAL, "unknown feed type %s", p->conf->type);
	r = ops->read(f->fd, &opts, &sink, &why);
	if (r == 0 && !p->mapped)
		r = dw_err_set(&why, -EBADMSG, "the file is empty: not even a header line is in it");
	return r < 0 ? dw_err_set(err, r, "%s: %s", base ? base + 1 : f->path, why.text) : 0;
}

static int survey(struct pass *p, const struct dw_files *files, struct dw_err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < files->n; i++) {
		p->file = (uint16_t)i;
		p->last = 0;
		r = one_file(p, &files->f[i], survey_row, err);
	}
	if (r == 0 && p->long_ids >= 3 && p->zero_ids * 2 > p->long_ids)
		r = dw_err_set(err, -EBADMSG,
			       "Excel has damaged the order numbers: %lld of %lld long ones end in 000. Export again and don't "
			       "open and save the file in Excel, or format that column as text first",
			       (long long)p->zero_ids, (long long)p->long_ids);
	return r;
}

static int deliver(struct pass *p, const struct dw_files *files, struct dw_err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < files->n; i++) {
		p->file = (uint16_t)i;
		p->last = 0;
		r = one_file(p, &files->f[i], deliver_row, err);
		if (r == 0)
			r = flush(p, err);
	}
	return r < 0 ? r : flush_gathered(p, err);
}

static char *files_print(const struct dw_files *files, const struct dw_feed_conf *conf)
{
	DW_BUF b = { 0 };

	dw_buf_printf(&b, "%016llx", (unsigned long long)conf->print);
	for (size_t i = 0; i < files->n && b.n < 3500; i++) {
		const struct stat *st = &files->f[i].st;

		dw_buf_printf(&b, " %llu:%lld:%lld.%09ld", (unsigned long long)st->st_ino, (long long)st->st_size,
			      (long long)st->st_mtim.tv_sec, st->st_mtim.tv_nsec);
	}
	return dw_buf_take(&b);
}

void dw_read_report_fini(struct dw_read_report *r)
{
	dw_buf_fini(&r->rejects);
	dw_buf_fini(&r->sample);
	free(r->seen);
	*r = (struct dw_read_report){ 0 };
}

int dw_ingest_read(const struct dw_feed_conf *conf, const char *seen_before, dw_time now,
		   int (*order)(void *ctx, struct dw_read_order *o, struct dw_err *err), void *ctx,
		   struct dw_read_report *report, struct dw_err *err)
{
	DW_CLEANUP(dw_files_close) struct dw_files files = { 0 };
	struct pass p = { .conf = conf, .report = report, .order = order, .ctx = ctx,
			  .shortages = dw_shortages() };
	int r;

	r = dw_files_open(&files, conf->path, conf->type, conf->all_files, err);
	if (r < 0)
		return r;
	if (getrandom(&p.seed, sizeof(p.seed), 0) != (ssize_t)sizeof(p.seed))
		return dw_err_set(err, -EIO, "the system gives no random number: %s", strerror(errno));
	report->data_time = files.f[0].st.st_mtim.tv_sec;
	if (report->data_time > now)
		report->data_time = now; /* a clock ahead elsewhere must not make old data look fresh for long */
	report->seen = files_print(&files, conf);
	if (!report->seen)
		return dw_err_oom(err);
	if (seen_before && strcmp(seen_before, report->seen) == 0) {
		report->unchanged = true;
		return 0;
	}
	r = survey(&p, &files, err);
	if (r == 0 && !dw_files_same(&files))
		r = dw_err_set(err, -EAGAIN, "the file changed while it was read");
	if (r == 0)
		r = deliver(&p, &files, err);
	if (r == 0 && !dw_files_same(&files))
		r = dw_err_set(err, -EAGAIN, "the file changed while it was read");
	if (r == 0 && p.shortages != dw_shortages())
		r = dw_err_oom(err);
	pass_fini(&p);
	return r;
}
