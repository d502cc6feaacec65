// SPDX-License-Identifier: GPL-2.0
/*
 * load: what is measured in the guest. A job runs a fourth of its operations first, then marks its phase for the plugin
 * (see ../plugin/count.c), runs all of them and prints how many there were and how many nanoseconds they took.
 *
 *   load mark PHASE                                        0 ends one
 *   load blk DEVICE read|write BYTES SEGMENTS DEPTH COUNT PHASE
 *   load udp-rr|tcp-rr|udp-send|tcp-stream FROM TO COUNT PHASE   network namespaces; a stream's operations are MiB
 *   load echo-rr|echo-send|echo-receive FROM COUNT PHASE   with the host's echo (see ../echo.py)
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <linux/fs.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define HUGE (2u << 20)
#define PORT 4000
#define SMALL 18
#define BATCH 32
#define MIB (1u << 20)

static void die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, ": %s\n", strerror(errno));
	exit(1);
}

static long number(const char *text)
{
	return strtol(text, NULL, 0);
}

/* nopl 0x5156NNNN(%rax), with NNNN written into it; ret. */
static void mark(unsigned int phase)
{
	static uint8_t *code;

	if (!code) {
		code = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (code == MAP_FAILED)
			die("mmap");
		memcpy(code, "\x0f\x1f\x80\0\0\x56\x51\xc3", 8);
	}
	code[3] = phase;
	code[4] = phase >> 8;
	((void (*)(void))code)();
}

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000ull + time.tv_nsec;
}

/* Runs `job` with a count of operations. */
static int measure(void (*job)(long), long count, unsigned int phase)
{
	uint64_t begun;

	job((count + 3) / 4);
	mark(phase);
	begun = now();
	job(count);
	begun = now() - begun;
	mark(0);
	printf("%ld %llu\n", count, (unsigned long long)begun);
	return 0;
}

/* --- Disks ------------------------------------------------------------------------------------------------------------ */

static struct {
	int file, depth;
	aio_context_t context;
	size_t bytes;
	uint64_t size;
	struct iocb *calls, **list;
	struct io_event *events;
} disk;

/* `depth` requests are submitted at once, and all waited for. */
static void disk_job(long count)
{
	static uint64_t at;

	while (count > 0) {
		long some = count < disk.depth ? count : disk.depth, got = 0;

		for (long i = 0; i < some; i++) {
			disk.calls[i].aio_offset = at;
			at = at + 2 * disk.bytes > disk.size ? 0 : at + disk.bytes;
		}
		if (syscall(SYS_io_submit, disk.context, some, disk.list) != some)
			die("io_submit");
		while (got < some) {
			long more = syscall(SYS_io_getevents, disk.context, some - got, some - got, disk.events, NULL);

			if (more <= 0)
				die("io_getevents");
			for (long i = 0; i < more; i++)
				if (disk.events[i].res != (long)disk.bytes)
					die("a request came back with %lld", (long long)disk.events[i].res);
			got += more;
		}
		count -= some;
	}
}

/* Of one huge page, so that what is in one piece for us is so for the device; segments have a page's gap between them. */
static int measure_disk(char **args)
{
	int is_write = !strcmp(args[1], "write"), segments = number(args[3]);
	uint8_t *memory = mmap(NULL, 2 * HUGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct iovec *pieces;
	size_t piece, gap;

	disk.file = open(args[0], O_RDWR | O_DIRECT);
	if (disk.file < 0 || ioctl(disk.file, BLKGETSIZE64, &disk.size))
		die("%s", args[0]);
	disk.bytes = number(args[2]);
	disk.depth = number(args[4]);
	piece = disk.bytes / segments;
	gap = segments > 1 ? 4096 : 0;
	if (memory == MAP_FAILED || (piece + gap) * segments * disk.depth > HUGE)
		die("%zu bytes of memory", (piece + gap) * segments * disk.depth);
	memory = (uint8_t *)(((uintptr_t)memory + HUGE - 1) & ~(uintptr_t)(HUGE - 1));
	madvise(memory, HUGE, MADV_HUGEPAGE);
	memset(memory, 1, HUGE);
	disk.calls = calloc(disk.depth, sizeof(*disk.calls));
	disk.list = calloc(disk.depth, sizeof(*disk.list));
	disk.events = calloc(disk.depth, sizeof(*disk.events));
	pieces = calloc(disk.depth * segments, sizeof(*pieces));
	for (int i = 0; i < disk.depth; i++) {
		struct iocb *call = disk.list[i] = &disk.calls[i];
		struct iovec *first = pieces + i * segments;

		for (int j = 0; j < segments; j++) {
			first[j].iov_base = memory;
			first[j].iov_len = piece;
			memory += piece + gap;
		}
		call->aio_fildes = disk.file;
		call->aio_lio_opcode = is_write ? IOCB_CMD_PWRITEV : IOCB_CMD_PREADV;
		call->aio_buf = (uintptr_t)first;
		call->aio_nbytes = segments;
	}
	if (syscall(SYS_io_setup, disk.depth, &disk.context))
		die("io_setup");
	return measure(disk_job, number(args[5]), number(args[6]));
}

/* --- NICs ------------------------------------------------------------------------------------------------------------- */

static int here, there;
static char buffer[65536];

static int socket_in(const char *space, int type)
{
	int place, one = 1, made;
	char path[64];

	snprintf(path, sizeof(path), "/run/netns/%s", space);
	place = open(path, O_RDONLY);
	if (place < 0 || setns(place, CLONE_NEWNET))
		die("%s", path);
	close(place);
	made = socket(AF_INET, type, 0);
	if (made < 0)
		die("socket");
	setsockopt(made, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	return made;
}

static struct sockaddr_in address(const char *text)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(PORT) };

	address.sin_addr.s_addr = inet_addr(text);
	return address;
}

static void limit(int which)
{
	struct timeval patience = { .tv_sec = 20 };

	setsockopt(which, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
}

/* Two ends, in namespaces that are 10.0.0.1 and 10.0.0.2. */
static void connect_ends(char **spaces, int type)
{
	struct sockaddr_in first = address("10.0.0.1"), second = address("10.0.0.2");
	int listener, one = 1;

	here = socket_in(spaces[0], type);
	there = socket_in(spaces[1], type);
	if (bind(here, (void *)&first, sizeof(first)) || bind(there, (void *)&second, sizeof(second)))
		die("bind");
	if (type == SOCK_STREAM) {
		listener = there;
		if (listen(listener, 1) || connect(here, (void *)&second, sizeof(second)))
			die("connect");
		there = accept(listener, NULL, NULL);
		setsockopt(here, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		setsockopt(there, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	} else if (connect(here, (void *)&second, sizeof(second)) || connect(there, (void *)&first, sizeof(first))) {
		die("connect");
	}
	limit(here);
	limit(there);
}

static void send_small(int from)
{
	if (send(from, buffer, SMALL, 0) != SMALL)
		die("send");
}

static void receive_small(int to)
{
	if (recv(to, buffer, SMALL, 0) != SMALL)
		die("recv");
}

static void round_trips(long count)
{
	while (count--) {
		send_small(here);
		receive_small(there);
		send_small(there);
		receive_small(here);
	}
}

static void sends(long count)
{
	for (; count > 0; count -= BATCH) {
		for (int i = 0; i < BATCH; i++)
			send_small(here);
		for (int i = 0; i < BATCH; i++)
			receive_small(there);
	}
}

/* A child takes what comes, and says so when it has all. */
static void stream(long count)
{
	size_t bytes = count * (size_t)MIB, sent = 0, got = 0;
	int ends[2];
	char word;

	if (pipe(ends))
		die("pipe");
	if (!fork()) {
		while (got < bytes) {
			ssize_t some = recv(there, buffer, sizeof(buffer), 0);

			if (some <= 0)
				die("recv");
			got += some;
		}
		if (write(ends[1], "e", 1) != 1)
			die("pipe");
		_exit(0);
	}
	close(ends[1]);
	while (sent < bytes) {
		ssize_t some = send(here, buffer, bytes - sent < sizeof(buffer) ? bytes - sent : sizeof(buffer), 0);

		if (some <= 0)
			die("send");
		sent += some;
	}
	if (read(ends[0], &word, 1) != 1)
		die("the receiver ended");
	close(ends[0]);
}

/* --- A NIC whose other end is the host -------------------------------------------------------------------------------- */

static void echo_trips(long count)
{
	while (count--) {
		send_small(here);
		receive_small(here);
	}
}

/* The host throws away what begins with s. */
static void echo_sends(long count)
{
	buffer[0] = 's';
	while (count--)
		send_small(here);
	buffer[0] = 0;
}

/* The host answers what begins with r with as many datagrams as a batch has. */
static void echo_receives(long count)
{
	for (; count > 0; count -= BATCH) {
		buffer[0] = 'r';
		send_small(here);
		for (int i = 0; i < BATCH; i++)
			receive_small(here);
	}
}

static int measure_echo(char **args, void (*job)(long))
{
	struct sockaddr_in host = address("10.0.1.2");

	here = socket_in(args[0], SOCK_DGRAM);
	if (connect(here, (void *)&host, sizeof(host)))
		die("connect");
	limit(here);
	return measure(job, number(args[1]), number(args[2]));
}

int main(int count, char **args)
{
	const char *job = count > 1 ? args[1] : "";

	args += 2;
	if (!strcmp(job, "mark") && count == 3) {
		mark(number(args[0]));
		return 0;
	}
	if (!strcmp(job, "blk") && count == 9)
		return measure_disk(args);
	if (!strcmp(job, "echo-rr") && count == 5)
		return measure_echo(args, echo_trips);
	if (!strcmp(job, "echo-send") && count == 5)
		return measure_echo(args, echo_sends);
	if (!strcmp(job, "echo-receive") && count == 5)
		return measure_echo(args, echo_receives);
	if (count == 6) {
		int type = strncmp(job, "tcp", 3) ? SOCK_DGRAM : SOCK_STREAM;
		void (*what)(long) = !strcmp(job, "udp-send") ? sends : !strcmp(job, "tcp-stream") ? stream : round_trips;

		connect_ends(args, type);
		return measure(what, number(args[2]), number(args[3]));
	}
	fprintf(stderr, "usage: see the beginning of load.c\n");
	return 2;
}
