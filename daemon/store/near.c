/* Which of some order numbers a person may have meant: those that begin with what was typed, those that end with it
 * (people type the last digits), then those with few letters wrong. */
#include "store-impl.h"

enum { NEAR_WORDS_MAX = 40000 };

int dw_near_add(void *ctx, const char *word)
{
	struct dw_near_set *set = ctx;
	char *copy;

	if (set->n == NEAR_WORDS_MAX)
		return 1;
	copy = dw_strdup(word);
	if (!copy || dw_grow(&set->word, &set->cap, set->n + 1, sizeof(*set->word)) < 0) {
		free(copy);
		set->failed = true;
		return -ENOMEM;
	}
	set->word[set->n++] = copy;
	return 0;
}

void dw_near_fini(struct dw_near_set *set)
{
	for (size_t i = 0; i < set->n; i++)
		free(set->word[i]);
	free(set->word);
	*set = (struct dw_near_set){ 0 };
}

static bool begins(const char *word, const char *text)
{
	return strncmp(word, text, strlen(text)) == 0;
}

static bool ends(const char *word, const char *text)
{
	size_t n = strlen(word), m = strlen(text);

	return n > m && strcmp(word + n - m, text) == 0;
}

/* Moves word i to out, and drops its repetitions (one number in two feeds). */
static int take(struct dw_near_set *set, size_t i, char **out, int n)
{
	out[n] = dw_steal(&set->word[i]);
	for (size_t k = 0; k < set->n; k++)
		if (set->word[k] && strcmp(set->word[k], out[n]) == 0) {
			free(set->word[k]);
			set->word[k] = NULL;
		}
	return n + 1;
}

static int take_if(struct dw_near_set *set, const char *text, bool (*fits)(const char *, const char *), char **out,
		   int n, int max)
{
	for (size_t i = 0; i < set->n && n < max; i++)
		if (set->word[i] && fits(set->word[i], text))
			n = take(set, i, out, n);
	return n;
}

int dw_near_pick(struct dw_near_set *set, const char *text, char **out, int max)
{
	int n = 0;

	if (set->failed)
		return -ENOMEM;
	n = take_if(set, text, begins, out, n, max);
	n = take_if(set, text, ends, out, n, max);
	while (n < max) {
		const char *best = dw_near(text, (const char *const *)set->word, set->n);
		size_t i = 0;

		if (!best)
			break;
		while (set->word[i] != best)
			i++;
		n = take(set, i, out, n);
	}
	return n;
}
