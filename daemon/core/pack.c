/* pack.h */
#include "duewatch/pack.h"

static const struct dw_pack_text *find(const struct dw_pack *p, const char *key, const char *language)
{
	for (size_t i = 0; i < p->n_texts; i++)
		if (dw_streq(p->texts[i].key, key) && dw_streq(p->texts[i].language, language))
			return &p->texts[i];
	return NULL;
}

char *const *dw_pack_text_find(const struct dw_pack *p, const char *key, const char *language, size_t *n)
{
	const struct dw_pack_text *t = language ? find(p, key, language) : NULL;

	if (!t)
		t = find(p, key, "en");
	*n = t ? t->n : 0;
	return t ? t->line : NULL;
}

void dw_pack_fini(struct dw_pack *p)
{
	for (size_t i = 0; i < p->n_columns; i++) {
		free(p->columns[i].theirs);
		free(p->columns[i].left);
	}
	for (size_t i = 0; i < p->n_status; i++)
		free((char *)p->status[i].theirs);
	for (size_t i = 0; i < p->n_texts; i++) {
		for (size_t k = 0; k < p->texts[i].n; k++)
			free(p->texts[i].line[k]);
		free(p->texts[i].line);
		free(p->texts[i].key);
		free(p->texts[i].language);
	}
	free(p->columns);
	free(p->status);
	free(p->texts);
	free(p->name);
	free(p->base);
	free(p->timezone);
	free(p->order_url);
	dw_holidays_fini(&p->holidays);
	*p = (struct dw_pack){ 0 };
}
