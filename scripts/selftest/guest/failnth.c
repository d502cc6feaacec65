// SPDX-License-Identifier: GPL-2.0
/*
 * failnth N FILE TEXT: writes TEXT to FILE while the kernel fails the Nth allocation of that one call. Prints the call's
 * result (ok or the errno's name) after "failed", or after "not reached" when it made fewer allocations than N.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	char left[16] = "";
	int file, nth;
	ssize_t done;
	int error;

	if (argc != 4) {
		fprintf(stderr, "failnth: N FILE TEXT\n");
		return 2;
	}
	file = open(argv[2], O_WRONLY);
	nth = open("/proc/thread-self/fail-nth", O_RDWR);
	if (file < 0 || nth < 0) {
		perror(file < 0 ? argv[2] : "fail-nth");
		return 2;
	}
	if (pwrite(nth, argv[1], strlen(argv[1]), 0) < 0) {
		perror("fail-nth");
		return 2;
	}
	done = write(file, argv[3], strlen(argv[3]));
	error = errno;
	/* 0 when the failure was used up; else what is left of the count, which must not hit anybody else. */
	if (pread(nth, left, sizeof(left) - 1, 0) < 0) {
		perror("fail-nth");
		return 2;
	}
	pwrite(nth, "0", 1, 0) < 0 ? perror("fail-nth") : (void)0;
	printf("%s: %s\n", atoi(left) ? "not reached" : "failed", done < 0 ? strerrorname_np(error) : "ok");
	return 0;
}
