// SPDX-License-Identifier: GPL-2.0
/*
 * rvecho ADDRESS COUNT SIZE...: sends COUNT datagrams, of the sizes in turn, to the echo port of ADDRESS, and looks at what
 * comes back, byte by byte. A second after the last one was sent, what has not come back is lost.
 *
 * Exit status: 0 all came back, 3 some were lost, 1 some came back with other data, 2 something else.
 */
#include <arpa/inet.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define ECHO_PORT 7
#define MOST 1000
#define LARGEST 65000
#define PAUSE_MS 10
#define PATIENCE_MS 1000

static uint8_t out[LARGEST], in[LARGEST + 1];
static uint8_t came[MOST];
static int back, again, wrong, spoilt;

static void fill(uint8_t *bytes, uint32_t number, size_t size)
{
	uint32_t word = number * 2654435761u + 1;

	for (size_t at = 0; at < size; at++) {
		word = word * 1664525 + 1013904223;
		bytes[at] = word >> 24;
	}
	memcpy(bytes, &number, sizeof(number));
}

static long now_ms(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

/* Takes what comes within `ms`, until `wanted` have come. */
static void take(int fd, char **sizes, int kinds, int ms, int wanted)
{
	struct pollfd one = { .fd = fd, .events = POLLIN };
	long end = now_ms() + ms;

	while (back < wanted) {
		long left = end - now_ms();
		uint32_t number;
		ssize_t length;

		if (left < 0 || poll(&one, 1, left) <= 0)
			return;
		/* One whose checksum is wrong is announced, and is not there. */
		length = recv(fd, in, sizeof(in), MSG_DONTWAIT);
		if (length < 0) {
			spoilt++;
			continue;
		}
		memcpy(&number, in, sizeof(number));
		if ((size_t)length < sizeof(number) || number >= MOST || length != atol(sizes[number % kinds])) {
			wrong++;
			continue;
		}
		fill(out, number, length);
		if (memcmp(in, out, length)) {
			wrong++;
		} else if (came[number]) {
			again++;
		} else {
			came[number] = 1;
			back++;
		}
	}
}

int main(int argc, char **argv)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(ECHO_PORT) };
	int count, kinds = argc - 3, fd;

	if (argc < 4 || !inet_aton(argv[1], &to.sin_addr) || (count = atoi(argv[2])) < 1 || count > MOST) {
		fprintf(stderr, "rvecho ADDRESS COUNT SIZE...\n");
		return 2;
	}
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to))) {
		perror("rvecho");
		return 2;
	}
	for (int number = 0; number < count; number++) {
		long size = atol(argv[3 + number % kinds]);

		if (size < 4 || size > LARGEST)
			return 2;
		fill(out, number, size);
		/* What cannot be sent is lost. */
		(void)!send(fd, out, size, MSG_DONTWAIT);
		take(fd, argv + 3, kinds, PAUSE_MS, number + 1);
	}
	take(fd, argv + 3, kinds, PATIENCE_MS, count);
	printf("sent=%d back=%d again=%d wrong=%d spoilt=%d\n", count, back, again, wrong, spoilt);
	if (wrong)
		return 1;
	return back == count ? 0 : 3;
}
