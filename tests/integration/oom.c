/* Memory that runs out at a chosen place (LD_PRELOAD). A place is a call of malloc, calloc or realloc, told apart by the
 * functions of the program under it, and for a library's call by the library's two innermost callers as well: a number
 * made of their addresses within their files, the same in each run.
 *
 * $OOM_CONTROL names a file, mapped and shared with the test: struct control, then a table of the places met. A test
 * arms a place at any time; struck counts the calls that failed. Not valgrind's or ASan's own ways to fail: neither
 * knows places, and a count of calls means another call whenever threads meet differently. */
#define _GNU_SOURCE
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <link.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { DEPTH = 24, PLACES = 1 << 15, MODULES = 64 };
enum mode { ONCE, FROM_THEN_ON };

/* Of one place: its number, and the frames of the program's own, innermost first, as offsets in its file. */
struct place {
	_Atomic uint64_t id;
	uint64_t own; /* 1: the program's own call; 0: a library's */
	uint64_t frames[6];
};

struct control {
	_Atomic uint64_t at; /* place that is armed; 0: none */
	_Atomic uint64_t mode;
	_Atomic uint64_t struck;
	_Atomic uint64_t met; /* 1: the table is kept */
	struct place place[PLACES];
};

struct module {
	uintptr_t from, to, base;
};

void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);

static struct control *control;
static struct module modules[MODULES]; /* [0]: the program */
static int module_count;
static struct module self;
static __thread bool inside;

static int add_module(struct dl_phdr_info *info, size_t size, void *unused)
{
	struct module m = { .from = UINTPTR_MAX, .base = info->dlpi_addr };

	(void)size;
	(void)unused;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];

		if (p->p_type != PT_LOAD)
			continue;
		if (info->dlpi_addr + p->p_vaddr < m.from)
			m.from = info->dlpi_addr + p->p_vaddr;
		if (info->dlpi_addr + p->p_vaddr + p->p_memsz > m.to)
			m.to = info->dlpi_addr + p->p_vaddr + p->p_memsz;
	}
	if ((uintptr_t)&add_module >= m.from && (uintptr_t)&add_module < m.to)
		self = m;
	else if (module_count < MODULES)
		modules[module_count++] = m;
	return 0;
}

static bool within(const struct module *m, const void *p)
{
	return (uintptr_t)p >= m->from && (uintptr_t)p < m->to;
}

static uint64_t mix(uint64_t h, uint64_t x)
{
	h = (h ^ x) * UINT64_C(0x9e3779b97f4a7c15);
	return h ^ h >> 29;
}

/* Its offset in its file, so that where files are loaded makes no difference; 0 where one was loaded later. */
static uint64_t in_file(const void *p)
{
	for (int i = 0; i < module_count; i++)
		if (within(&modules[i], p))
			return (uint64_t)((uintptr_t)p - modules[i].base) + ((uint64_t)i << 40);
	return 0;
}

static struct place look(void)
{
	void *frames[DEPTH];
	struct place place = { 0 };
	uint64_t h = 1;
	int n = backtrace(frames, DEPTH), i = 0, own = 0, outer = 0;

	while (i < n && within(&self, frames[i]))
		i++;
	place.own = i < n && within(&modules[0], frames[i]);
	for (; i < n; i++) {
		if (within(&modules[0], frames[i])) {
			uint64_t at = (uintptr_t)frames[i] - modules[0].base;

			h = mix(h, at);
			if (own < 6)
				place.frames[own++] = at;
		} else if (!place.own && outer++ < 2) {
			h = mix(h, in_file(frames[i]));
		}
	}
	place.id = h ? h : 1;
	return place;
}

static void note(const struct place *p)
{
	for (uint64_t i = p->id, n = 0; n < PLACES; i++, n++) {
		struct place *slot = &control->place[i % PLACES];
		uint64_t none = 0;

		if (slot->id == p->id)
			return;
		if (slot->id == 0 && atomic_compare_exchange_strong(&slot->id, &none, p->id)) {
			slot->own = p->own;
			memcpy(slot->frames, p->frames, sizeof(p->frames));
			return;
		}
	}
}

static bool fails(void)
{
	uint64_t at;
	struct place p;
	bool strike;

	if (!control || inside || (!control->at && !control->met))
		return false;
	inside = true;
	at = control->at;
	if (at != 0 && control->mode == FROM_THEN_ON && control->struck) {
		strike = true;
	} else {
		p = look();
		if (control->met)
			note(&p);
		strike = at != 0 && p.id == at && (control->mode == ONCE ? control->struck == 0 : true);
	}
	if (strike)
		control->struck++;
	inside = false;
	if (strike)
		errno = ENOMEM;
	return strike;
}

void *malloc(size_t n)
{
	return fails() ? NULL : __libc_malloc(n);
}

void *calloc(size_t n, size_t size)
{
	return fails() ? NULL : __libc_calloc(n, size);
}

void *realloc(void *p, size_t n)
{
	return fails() ? NULL : __libc_realloc(p, n);
}

__attribute__((constructor)) static void begin(void)
{
	const char *path = getenv("OOM_CONTROL");
	int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
	void *p = fd >= 0 ? mmap(NULL, sizeof(*control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) : MAP_FAILED;
	void *frame;

	if (p == MAP_FAILED)
		abort(); /* a test with memory enough would prove nothing */
	close(fd);
	backtrace(&frame, 1); /* loads what it needs */
	dl_iterate_phdr(add_module, NULL);
	control = p;
}
