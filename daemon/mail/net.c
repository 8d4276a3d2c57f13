/* net.h */
#include "duewatch/base.h"
#include "duewatch/net.h"

#include <curl/curl.h>
#include <malloc.h>
#include <pthread.h>

void dw_wipe_free(void *p)
{
	if (p)
		explicit_bzero(p, malloc_usable_size(p));
	free(p);
}

/* Never realloc(): where that moves a block, the old place keeps what it held. */
static void *wipe_realloc(void *p, size_t n)
{
	size_t had = p ? malloc_usable_size(p) : 0;
	void *fresh = malloc(n ? n : 1);

	if (!fresh)
		return NULL;
	if (p)
		memcpy(fresh, p, had < n ? had : n);
	dw_wipe_free(p);
	return fresh;
}

static void start(void)
{
	curl_global_init_mem(CURL_GLOBAL_DEFAULT, malloc, dw_wipe_free, wipe_realloc, dw_strdup, calloc);
}

void dw_net_start(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, start);
}
