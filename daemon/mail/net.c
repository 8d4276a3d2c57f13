/* net.h */
#include "duewatch/base.h"
#include "duewatch/net.h"

#include <curl/curl.h>
#include <malloc.h>
#include <pthread.h>
#include <time.h>

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

int dw_net_policy(void *curl, const char *protocols, const char *ca_file)
{
	static const struct {
		CURLoption option;
		long value;
	} set[] = {
		{ CURLOPT_NOSIGNAL, 1 },
		{ CURLOPT_QUICK_EXIT, 1 },
		{ CURLOPT_NOPROGRESS, 0 },
		{ CURLOPT_NETRC, CURL_NETRC_IGNORED },
		{ CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2 },
		{ CURLOPT_SSL_VERIFYPEER, 1 },
		{ CURLOPT_SSL_VERIFYHOST, 2 },
	};
	CURLcode rc = curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, protocols);

	for (size_t i = 0; rc == CURLE_OK && i < DW_COUNT(set); i++)
		rc = curl_easy_setopt(curl, set[i].option, set[i].value);
	if (rc == CURLE_OK)
		rc = curl_easy_setopt(curl, CURLOPT_PROXY, "");
	if (rc == CURLE_OK && ca_file)
		rc = curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
	if (rc == CURLE_OK && ca_file)
		rc = curl_easy_setopt(curl, CURLOPT_CAINFO, ca_file);
	return rc;
}

int64_t dw_net_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}
