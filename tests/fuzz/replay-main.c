/* Runs a fuzz target over the files of folders, without libFuzzer: what once broke a parser is tried in every
 * run, with any compiler. The last line before a crash names the input. */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv) __attribute__((weak));

enum { INPUT_MAX = 16 << 20 };

static int replay(const char *path)
{
	FILE *f = fopen(path, "rb");
	if (!f) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return -1;
	}
	/* read into exactly as many bytes as there are, so that a sanitizer sees one byte too far */
	uint8_t *all = malloc(INPUT_MAX), *data = NULL;
	size_t n = all ? fread(all, 1, INPUT_MAX, f) : 0;
	int r = !all || ferror(f) || !feof(f) ? -1 : 0;
	if (r == 0)
		data = malloc(n ? n : 1);
	if (data) {
		memcpy(data, all, n);
		printf("%s (%zu bytes)\n", path, n);
		fflush(stdout);
		LLVMFuzzerTestOneInput(data, n);
	} else {
		fprintf(stderr, "%s: can't be read, or is over %d bytes\n", path, INPUT_MAX);
		r = -1;
	}
	free(data);
	free(all);
	fclose(f);
	return r;
}

static int is_input(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

/* Returns how many inputs ran, or < 0. */
static int replay_folder(const char *folder)
{
	struct dirent **names;
	int n = scandir(folder, &names, is_input, alphasort), r = 0;
	if (n < 0) {
		fprintf(stderr, "%s: %s\n", folder, strerror(errno));
		return -1;
	}
	for (int i = 0; i < n; i++) {
		char path[4096];
		int len = snprintf(path, sizeof path, "%s/%s", folder, names[i]->d_name);
		if (len < 0 || (size_t)len >= sizeof path || replay(path) < 0)
			r = -1;
		free(names[i]);
	}
	free(names);
	return r < 0 ? r : n;
}

int main(int argc, char **argv)
{
	int total = 0;
	if (LLVMFuzzerInitialize)
		LLVMFuzzerInitialize(&argc, &argv);
	LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
	for (int i = 1; i < argc; i++) {
		int n = replay_folder(argv[i]);
		if (n < 0)
			return 1;
		total += n;
	}
	if (total == 0) {
		fprintf(stderr, "usage: %s CORPUS…; no input was found\n", argv[0]);
		return 1;
	}
	printf("%d inputs\n", total);
	return 0;
}
