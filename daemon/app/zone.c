/* zone-load.h: finds a zone's file by its name, or the name that was meant. */
#include "duewatch/quote.h"
#include "duewatch/zone-load.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_MAX = 256 * 1024, NAME_MAX_LEN = 64, PATH_LEN = 4096, DEPTH_MAX = 3, NAMES_MAX = 2048 };

/* Names people write that no zone has, and near ones would mislead. */
static const struct meant {
	const char *said, *zone;
} meant[] = {
	{ "Beijing", "Asia/Shanghai" },	 { "Shenzhen", "Asia/Shanghai" },	  { "Guangzhou", "Asia/Shanghai" },
	{ "Hangzhou", "Asia/Shanghai" }, { "Yiwu", "Asia/Shanghai" },		  { "China", "Asia/Shanghai" },
	{ "PST", "America/Los_Angeles" }, { "PDT", "America/Los_Angeles" }, { "Pacific", "America/Los_Angeles" },
};

struct names {
	char **name; /* each owned */
	size_t n, cap;
};

static void names_fini(void *p)
{
	struct names *l = p;

	for (size_t i = 0; i < l->n; i++)
		free(l->name[i]);
	free(l->name);
}

/* No dot at all, so no path can leave the folder. */
static bool name_fits(const char *name)
{
	size_t n = strnlen(name, NAME_MAX_LEN + 1);

	if (n == 0 || n > NAME_MAX_LEN || name[0] == '/' || name[n - 1] == '/')
		return false;
	for (const char *p = name; *p; p++)
		if (!((*p | 0x20) >= 'a' && (*p | 0x20) <= 'z') && !(*p >= '0' && *p <= '9') && !strchr("/_+-", *p))
			return false;
	return true;
}

/* Zones begin with a capital (posix/, right/ and the tables don't) and have no dot. */
static void collect(struct names *l, const char *dir, const char *prefix, int depth)
{
	DIR *d = opendir(dir);
	struct dirent *e;

	while (d && l->n < NAMES_MAX && (e = readdir(d))) {
		char path[PATH_LEN], name[2 * NAME_MAX_LEN];
		struct stat st;

		if ((depth == 0 && !(e->d_name[0] >= 'A' && e->d_name[0] <= 'Z')) || strchr(e->d_name, '.'))
			continue;
		if (snprintf(name, sizeof(name), "%s%s%s", prefix, *prefix ? "/" : "", e->d_name) > NAME_MAX_LEN ||
		    snprintf(path, sizeof(path), "%s/%s", dir, e->d_name) >= (int)sizeof(path) || stat(path, &st) < 0)
			continue;
		if (S_ISDIR(st.st_mode) && depth < DEPTH_MAX)
			collect(l, path, name, depth + 1);
		else if (S_ISREG(st.st_mode) && dw_grow(&l->name, &l->cap, l->n + 1, sizeof(*l->name)) == 0) {
			l->name[l->n] = dw_strdup(name);
			l->n += l->name[l->n] != NULL;
		}
	}
	if (d)
		closedir(d);
}

static const char *city(const char *name)
{
	const char *slash = strrchr(name, '/');

	return slash ? slash + 1 : name;
}

/* The same city elsewhere ("Shanghai", "China/Shanghai", "asia/shanghai"), else a name with few letters wrong. */
static const char *near_zone(const struct names *l, const char *name)
{
	for (size_t i = 0; i < DW_COUNT(meant); i++)
		if (strcasecmp(city(name), meant[i].said) == 0)
			return meant[i].zone;
	for (size_t i = 0; i < l->n; i++)
		if (strcasecmp(l->name[i], name) == 0)
			return l->name[i];
	for (size_t i = 0; i < l->n; i++)
		if (strchr(l->name[i], '/') && strcasecmp(city(l->name[i]), city(name)) == 0)
			return l->name[i];
	return dw_near(name, (const char *const *)l->name, l->n);
}

static int unknown_zone(const char *dir, const char *name, struct dw_err *err)
{
	DW_CLEANUP(names_fini) struct names l = { 0 };
	char q[DW_QUOTE_SIZE];
	const char *near;

	collect(&l, dir, "", 0);
	if (l.n == 0)
		return dw_err_set(err, -ENOENT, "no time zone data in %s: install the package tzdata", dir);
	near = near_zone(&l, name);
	return dw_err_set(err, -EINVAL, "there is no time zone \"%s\"; %s%s%s", dw_quote(q, name),
			  near ? "did you mean \"" : "names look like Asia/Shanghai, America/Los_Angeles, UTC", near ? near : "",
			  near ? "\"?" : "");
}

static void closep(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

/* The whole file, at most FILE_MAX bytes. */
static int slurp(const char *path, unsigned char **out, size_t *n)
{
	DW_CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	DW_FREE unsigned char *p = NULL;
	struct stat st;
	size_t got = 0;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EISDIR;
	if (st.st_size > FILE_MAX)
		return -EFBIG;
	p = dw_malloc((size_t)st.st_size + 1);
	if (!p)
		return -ENOMEM;
	while (got < (size_t)st.st_size) {
		ssize_t r = read(fd, p + got, (size_t)st.st_size - got);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		if (r == 0)
			break;
		got += (size_t)r;
	}
	*out = dw_steal(&p);
	*n = got;
	return 0;
}

/* UTC is built in: it must work where no tzdata is. */
static int load_utc(struct dw_zone **out, struct dw_err *err)
{
	struct dw_zone *z = dw_malloc(sizeof(*z));

	if (!z)
		return dw_err_oom(err);
	*z = dw_zone_utc;
	*out = z;
	return 0;
}

int dw_zone_load(struct dw_zone **out, const char *name, struct dw_err *err)
{
	const char *dir = getenv("TZDIR");
	DW_FREE unsigned char *p = NULL;
	char path[PATH_LEN];
	size_t n = 0;
	int r;

	if (dw_empty(dir) || strlen(dir) > PATH_LEN / 2)
		dir = "/usr/share/zoneinfo";
	if (strcmp(name, "UTC") == 0)
		return load_utc(out, err);
	if (!name_fits(name))
		return unknown_zone(dir, name, err);
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	r = slurp(path, &p, &n);
	if (r == -ENOENT || r == -ENOTDIR || r == -EISDIR)
		return unknown_zone(dir, name, err);
	if (r == -ENOMEM)
		return dw_err_oom(err);
	if (r < 0)
		return dw_err_set(err, r, "cannot read time zone %s: %s", name, strerrordesc_np(-r));
	return dw_zone_from_tzif(out, name, p, n, err);
}
