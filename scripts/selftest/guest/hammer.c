// SPDX-License-Identifier: GPL-2.0
/*
 * hammer DEVICE SECONDS: random direct I/O from four threads that takes every error and opens the device again: what runs
 * while a case pulls the device away.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct hammer {
	const char *path;
	time_t end;
	unsigned int seed;
};

static void *hammer_thread(void *context)
{
	struct hammer *own = context;
	char *memory = aligned_alloc(4096, 64 * 1024);

	memset(memory, 0, 64 * 1024);
	while (time(NULL) < own->end) {
		int fd = open(own->path, O_RDWR | O_DIRECT | O_CLOEXEC);
		off_t size = fd < 0 ? 0 : lseek(fd, 0, SEEK_END);

		if (size < (1 << 20)) {
			if (fd >= 0)
				close(fd);
			usleep(2000);
			continue;
		}
		for (int i = 0; i < 64 && time(NULL) < own->end; i++) {
			off_t offset = rand_r(&own->seed) % (size / 4096 - 16) * 4096;
			size_t length = (1 + rand_r(&own->seed) % 16) * 4096;
			ssize_t done = i % 2 ? pwrite(fd, memory, length, offset) : pread(fd, memory, length, offset);

			if (done < 0)
				break;
		}
		close(fd);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	struct hammer threads[4];
	pthread_t ids[4];

	if (argc != 3) {
		fprintf(stderr, "hammer: DEVICE SECONDS\n");
		return 2;
	}
	for (int i = 0; i < 4; i++) {
		threads[i] = (struct hammer){ argv[1], time(NULL) + atoi(argv[2]), i + 1 };
		if (pthread_create(&ids[i], NULL, hammer_thread, &threads[i]))
			return 2;
	}
	for (int i = 0; i < 4; i++)
		pthread_join(ids[i], NULL);
	return 0;
}
