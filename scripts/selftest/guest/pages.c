// SPDX-License-Identifier: GPL-2.0
/*
 * pages hold MIB SEED: memory with a pattern in each page, looked through again and again until SIGTERM; at the end, and at
 * the first page that differs, it says so. pages touch MIB: fills so much memory, checks it, and gives it back.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define WORDS 512

static volatile sig_atomic_t stopped;
static uint64_t seed;

static void on_stop(int number)
{
	(void)number;
	stopped = 1;
}

static uint64_t word(size_t page, size_t i)
{
	return (page * WORDS + i + 1) * 0x9e3779b97f4a7c15ull ^ seed;
}

static int look_through(uint64_t (*pages)[WORDS], size_t count)
{
	for (size_t page = 0; page < count; page++)
		for (size_t i = 0; i < WORDS; i++)
			if (pages[page][i] != word(page, i)) {
				printf("page %zu, word %zu: %016llx, not %016llx\n", page, i, (unsigned long long)pages[page][i],
				       (unsigned long long)word(page, i));
				return 1;
			}
	return 0;
}

int main(int argc, char **argv)
{
	uint64_t (*pages)[WORDS];
	size_t count;
	long rounds = 0;
	int hold;

	if (argc < 3) {
		fprintf(stderr, "pages: hold MIB SEED | touch MIB\n");
		return 2;
	}
	hold = !strcmp(argv[1], "hold");
	count = strtoul(argv[2], NULL, 0) * 256;
	seed = argc > 3 ? strtoull(argv[3], NULL, 0) : 1;
	signal(SIGTERM, on_stop);
	pages = mmap(NULL, count * sizeof(*pages), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (pages == MAP_FAILED) {
		perror("pages: mmap");
		return 2;
	}
	for (size_t page = 0; page < count; page++)
		for (size_t i = 0; i < WORDS; i++)
			pages[page][i] = word(page, i);
	if (hold) {
		printf("filled\n");
		fflush(stdout);
	}
	do {
		if (look_through(pages, count))
			return 1;
		rounds++;
		if (hold)
			usleep(200000);
	} while (hold && !stopped);
	printf("right, %ld times\n", rounds);
	return 0;
}
