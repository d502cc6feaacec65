// SPDX-License-Identifier: GPL-2.0
/*
 * xfer: sends a pseudo-random stream over TCP or UDP, and checks on arrival that it is that stream, byte by byte.
 *
 *   xfer tcp-send|tcp-recv|udp-send|udp-recv ADDRESS PORT BYTES SEED [OPTION]...
 *   xfer flood|sink ADDRESS PORT SEED [OPTION]...
 *   xfer gen BYTES SEED
 *
 * udp-send and udp-recv make good what gets lost, and count it. flood sends datagrams and takes every error; sink checks
 * those that arrive, also that none comes twice; ADDRESS may be a multicast group for both. gen writes the stream to
 * standard output. Options:
 *   size=N   bytes of a write or a datagram    random   sizes from 1 (datagrams: 16) to size
 *   for=N    the end after N seconds, which is a failure but for flood and sink (default 60)
 *   need=N   sink: end well as soon as N datagrams were good, fail if fewer came in time; flood: end after N
 *   dev=NAME the interface                     out      what arrives goes to standard output too
 *   pace=N   flood, tcp-send: microseconds of rest after every 32 datagrams or writes (flood: 1000 unless told)
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define LARGEST 65536
#define SEEN (1u << 24)
#define ASK (1ull << 63)

struct header {
	uint64_t magic, index;
};

static uint64_t seed = 1;
static size_t size;
static int randomly, seconds = 60, out, pace = -1;
static long need = -1;
static const char *dev;
static volatile sig_atomic_t stopped;
static char buffer[LARGEST + 16], wanted[LARGEST + 16];

static void die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(1);
}

/* Different at each place, for each seed; no more than that is asked for, and quick under emulation. */
static uint64_t word(uint64_t index)
{
	uint64_t z = (index + seed * 0x632be59bd9b4e019ull) * 0x9e3779b97f4a7c15ull;

	return z ^ (z >> 29);
}

/* The stream's bytes from `offset` on. */
static void fill(char *to, uint64_t offset, size_t length)
{
	while (length) {
		uint64_t value = word(offset / 8);
		size_t skip = offset % 8, part = 8 - skip < length ? 8 - skip : length;

		for (; !skip && length >= 8; length -= 8, offset += 8, to += 8) {
			value = word(offset / 8);
			memcpy(to, &value, 8);
		}
		if (skip || length) {
			if (!skip)
				value = word(offset / 8), part = length;
			memcpy(to, (char *)&value + skip, part);
			to += part;
			offset += part;
			length -= part;
		}
	}
}

static void verify(const char *got, uint64_t offset, size_t length)
{
	fill(wanted, offset, length);
	if (!memcmp(got, wanted, length))
		return;
	for (size_t i = 0; i < length; i++)
		if (got[i] != wanted[i])
			die("byte %llu of the stream is %02x, not %02x (%zu bytes here)", (unsigned long long)(offset + i),
			    (unsigned char)got[i], (unsigned char)wanted[i], length);
}

static void emit(const char *from, size_t length)
{
	while (length) {
		ssize_t done = write(1, from, length);

		if (done <= 0)
			die("standard output: %s", strerror(errno));
		from += done;
		length -= done;
	}
}

static size_t pick(size_t least)
{
	static uint64_t count;

	return randomly ? least + word(~++count) % (size - least + 1) : size;
}

static uint64_t milliseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000ull + now.tv_nsec / 1000000;
}

static void on_alarm(int number)
{
	static const char text[] = "xfer: the time is up\n";

	(void)number;
	if (write(2, text, sizeof(text) - 1) < 0)
		_exit(4);
	_exit(3);
}

static void on_stop(int number)
{
	(void)number;
	stopped = 1;
}

/* Without SA_RESTART: a call that waits returns. */
static void catch(int number, void (*handler)(int))
{
	struct sigaction action = { .sa_handler = handler };

	sigaction(number, &action, NULL);
}

struct where {
	int family, type;
	socklen_t length;
	union {
		struct sockaddr any;
		struct sockaddr_in four;
		struct sockaddr_in6 six;
	};
};

/* ADDRESS is 10.0.0.1, fd00::1 or fe80::1%eth0. */
static struct where resolve(const char *address, const char *port, int type)
{
	struct where where = { .type = type };
	char text[64], *scope;

	snprintf(text, sizeof(text), "%s", address);
	scope = strchr(text, '%');
	if (scope)
		*scope++ = 0;
	if (inet_pton(AF_INET, text, &where.four.sin_addr) == 1) {
		where.family = where.four.sin_family = AF_INET;
		where.four.sin_port = htons(atoi(port));
		where.length = sizeof(where.four);
	} else if (inet_pton(AF_INET6, text, &where.six.sin6_addr) == 1) {
		where.family = where.six.sin6_family = AF_INET6;
		where.six.sin6_port = htons(atoi(port));
		where.six.sin6_scope_id = scope ? if_nametoindex(scope) : 0;
		where.length = sizeof(where.six);
	} else {
		die("xfer: %s is no address", address);
	}
	return where;
}

static int is_group(const struct where *where)
{
	if (where->family == AF_INET6)
		return IN6_IS_ADDR_MULTICAST(&where->six.sin6_addr);
	return IN_MULTICAST(ntohl(where->four.sin_addr.s_addr));
}

static void try(int result, const char *what)
{
	if (result < 0)
		die("%s: %s", what, strerror(errno));
}

static int open_socket(const struct where *where)
{
	int fd = socket(where->family, where->type | SOCK_CLOEXEC, 0), one = 1, large = 4 << 20;

	try(fd, "socket");
	try(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)), "SO_REUSEADDR");
	if (dev)
		try(setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, dev, strlen(dev)), dev);
	if (where->type == SOCK_DGRAM && setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &large, sizeof(large)))
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &large, sizeof(large));
	return fd;
}

static void join(int fd, const struct where *where)
{
	struct group_req request = { .gr_interface = dev ? if_nametoindex(dev) : 0 };

	memcpy(&request.gr_group, &where->any, where->length);
	try(setsockopt(fd, where->family == AF_INET6 ? IPPROTO_IPV6 : IPPROTO_IP, MCAST_JOIN_GROUP, &request, sizeof(request)),
	    "join the group");
}

/* --- TCP ------------------------------------------------------------------------------------------------------------ */

static int tcp_connect(const struct where *where)
{
	for (;;) {
		int fd = open_socket(where);

		if (!connect(fd, &where->any, where->length))
			return fd;
		close(fd);
		usleep(50000);
	}
}

static void tcp_send(const struct where *where, uint64_t bytes)
{
	int fd = tcp_connect(where);
	uint64_t offset = 0;
	long writes = 0;
	char rest;

	while (offset < bytes) {
		size_t length = pick(1);
		ssize_t done;

		if (length > bytes - offset)
			length = bytes - offset;
		fill(buffer, offset, length);
		done = send(fd, buffer, length, MSG_NOSIGNAL);
		try(done, "send");
		offset += done;
		if (pace > 0 && ++writes % 32 == 0)
			usleep(pace);
	}
	shutdown(fd, SHUT_WR);
	/* The other end closes when it has everything. */
	try(recv(fd, &rest, 1, 0), "waiting for the end");
	printf("sent=%llu\n", (unsigned long long)bytes);
}

static void tcp_recv(const struct where *where, uint64_t bytes)
{
	int listener = open_socket(where), fd;
	uint64_t offset = 0;
	ssize_t done;

	try(bind(listener, &where->any, where->length), "bind");
	try(listen(listener, 1), "listen");
	fd = accept(listener, NULL, NULL);
	try(fd, "accept");
	while ((done = recv(fd, buffer, LARGEST, 0)) > 0) {
		verify(buffer, offset, done);
		if (out)
			emit(buffer, done);
		offset += done;
	}
	try(done, "recv");
	if (offset != bytes)
		die("%llu bytes came, not %llu", (unsigned long long)offset, (unsigned long long)bytes);
	fprintf(stderr, "received=%llu\n", (unsigned long long)offset);
}

/* --- UDP: a window of datagrams, then an answer that says how far the other end is. ----------------------------------- */

static size_t load_of(uint64_t index, uint64_t bytes)
{
	size_t load = size - sizeof(struct header);

	return index * load + load > bytes ? bytes - index * load : load;
}

static void udp_send(const struct where *where, uint64_t bytes)
{
	int fd = open_socket(where);
	uint64_t load = size - sizeof(struct header), total = (bytes + load - 1) / load, base = 0, sent = 0, again = 0, high = 0;
	uint64_t window = size > 30000 ? 2 : 60000 / size > 32 ? 32 : 60000 / size;

	try(connect(fd, &where->any, where->length), "connect");
	while (base < total) {
		uint64_t end = base + window < total ? base + window : total, stop = milliseconds() + 200;
		struct header answer;

		for (uint64_t index = base; index < end; index++) {
			struct header header = { seed, index | (index + 1 == end ? ASK : 0) };
			size_t length = load_of(index, bytes);

			memcpy(buffer, &header, sizeof(header));
			fill(buffer + sizeof(header), index * load, length);
			if (send(fd, buffer, sizeof(header) + length, 0) < 0) {
				/* Nobody listens yet, or the device is full or down for the moment. */
				usleep(20000);
				continue;
			}
			sent++;
			again += index < high;
			high = index >= high ? index + 1 : high;
		}
		for (;;) {
			struct pollfd wait = { .fd = fd, .events = POLLIN };
			uint64_t now = milliseconds();

			if (now >= stop || poll(&wait, 1, stop - now) <= 0)
				break;
			if (recv(fd, &answer, sizeof(answer), 0) == sizeof(answer) && answer.magic == ~seed && answer.index <= total) {
				if (answer.index > base)
					base = answer.index;
				if (base == end)
					break;
			}
		}
	}
	printf("sent=%llu again=%llu\n", (unsigned long long)sent, (unsigned long long)again);
}

static void udp_recv(const struct where *where, uint64_t bytes)
{
	int fd = open_socket(where);
	uint64_t load = size - sizeof(struct header), total = (bytes + load - 1) / load, next = 0, received = 0, linger = 0;

	try(bind(fd, &where->any, where->length), "bind");
	while (!linger || milliseconds() < linger) {
		struct sockaddr_storage from;
		socklen_t length = sizeof(from);
		struct pollfd wait = { .fd = fd, .events = POLLIN };
		struct header header;
		ssize_t done;

		if (poll(&wait, 1, linger ? 100 : -1) <= 0)
			continue;
		done = recvfrom(fd, buffer, sizeof(buffer), 0, (struct sockaddr *)&from, &length);
		try(done, "recvfrom");
		memcpy(&header, buffer, sizeof(header));
		if ((size_t)done < sizeof(header) || header.magic != seed || (header.index & ~ASK) >= total)
			die("a datagram of %zd bytes is none of ours", done);
		received++;
		if ((size_t)done != sizeof(header) + load_of(header.index & ~ASK, bytes))
			die("datagram %llu has %zd bytes", (unsigned long long)(header.index & ~ASK), done);
		verify(buffer + sizeof(header), (header.index & ~ASK) * load, done - sizeof(header));
		if ((header.index & ~ASK) == next) {
			if (out)
				emit(buffer + sizeof(header), done - sizeof(header));
			next++;
		}
		if (header.index & ASK) {
			struct header answer = { ~seed, next };

			sendto(fd, &answer, sizeof(answer), 0, (struct sockaddr *)&from, length);
		}
		if (next == total && !linger)
			linger = milliseconds() + 700;
	}
	fprintf(stderr, "received=%llu\n", (unsigned long long)received);
}

/* --- Load that stops at nothing ------------------------------------------------------------------------------------- */

static void flood(const struct where *where)
{
	uint64_t end = milliseconds() + seconds * 1000ull, sent = 0, errors = 0;
	int fd = open_socket(where);

	for (uint64_t index = 0; milliseconds() < end && !stopped && (need < 0 || sent < (uint64_t)need); index++) {
		struct header header = { seed, index };
		size_t length = pick(sizeof(header));

		memcpy(buffer, &header, sizeof(header));
		fill(buffer + sizeof(header), index * 64, length - sizeof(header));
		if (sendto(fd, buffer, length, MSG_DONTWAIT, &where->any, where->length) < 0) {
			errors++;
			usleep(1000);
		} else {
			sent++;
		}
		if (index % 32 == 31)
			usleep(pace < 0 ? 1000 : pace);
	}
	printf("sent=%llu errors=%llu\n", (unsigned long long)sent, (unsigned long long)errors);
}

static int sink(const struct where *where)
{
	uint64_t end = milliseconds() + seconds * 1000ull;
	unsigned char *seen = calloc(1, SEEN / 8);
	long good = 0, again = 0, strange = 0;
	int fd = open_socket(where);

	try(bind(fd, &where->any, where->length), "bind");
	if (is_group(where))
		join(fd, where);
	while (milliseconds() < end && !stopped && (need < 0 || good < need)) {
		struct pollfd wait = { .fd = fd, .events = POLLIN };
		struct header header;
		ssize_t done;

		if (poll(&wait, 1, 100) <= 0)
			continue;
		done = recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT);
		if (done < 0)
			continue;
		memcpy(&header, buffer, sizeof(header));
		if ((size_t)done < sizeof(header) || header.magic != seed || header.index >= SEEN) {
			strange++;
			continue;
		}
		verify(buffer + sizeof(header), header.index * 64, done - sizeof(header));
		again += seen[header.index / 8] >> header.index % 8 & 1;
		seen[header.index / 8] |= 1 << header.index % 8;
		good++;
	}
	printf("good=%ld again=%ld strange=%ld\n", good, again, strange);
	return again || strange || (need > 0 && good < need);
}

/* --- The front ------------------------------------------------------------------------------------------------------ */

static void option(char *text)
{
	char *value = strchr(text, '=');

	if (value)
		*value++ = 0;
	if (!strcmp(text, "size") && value)
		size = strtoul(value, NULL, 0);
	else if (!strcmp(text, "for") && value)
		seconds = atoi(value);
	else if (!strcmp(text, "need") && value)
		need = atol(value);
	else if (!strcmp(text, "pace") && value)
		pace = atoi(value);
	else if (!strcmp(text, "dev") && value)
		dev = value;
	else if (!strcmp(text, "random"))
		randomly = 1;
	else if (!strcmp(text, "out"))
		out = 1;
	else
		die("xfer: what is %s?", text);
}

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "";
	int tcp = !strncmp(mode, "tcp", 3), whole = tcp || !strncmp(mode, "udp", 3), fixed = whole ? 6 : 5;
	uint64_t bytes = whole && argc >= fixed ? strtoull(argv[4], NULL, 0) : 0;
	struct where where;

	if (!strcmp(mode, "gen") && argc == 4) {
		bytes = strtoull(argv[2], NULL, 0);
		seed = strtoull(argv[3], NULL, 0);
		for (uint64_t offset = 0; offset < bytes; offset += LARGEST) {
			size_t length = bytes - offset < LARGEST ? bytes - offset : LARGEST;

			fill(buffer, offset, length);
			emit(buffer, length);
		}
		return 0;
	}
	if (argc < fixed)
		die("xfer: see the head of xfer.c");
	seed = strtoull(argv[fixed - 1], NULL, 0);
	for (int i = fixed; i < argc; i++)
		option(argv[i]);
	if (!size)
		size = tcp ? LARGEST : 1400;
	if (size > LARGEST || (!tcp && size < sizeof(struct header) + 1))
		die("xfer: a size of %zu cannot be", size);
	where = resolve(argv[2], argv[3], tcp ? SOCK_STREAM : SOCK_DGRAM);
	if (whole) {
		catch(SIGALRM, on_alarm);
		alarm(seconds);
	} else {
		catch(SIGTERM, on_stop);
	}
	if (!strcmp(mode, "tcp-send"))
		tcp_send(&where, bytes);
	else if (!strcmp(mode, "tcp-recv"))
		tcp_recv(&where, bytes);
	else if (!strcmp(mode, "udp-send"))
		udp_send(&where, bytes);
	else if (!strcmp(mode, "udp-recv"))
		udp_recv(&where, bytes);
	else if (!strcmp(mode, "flood"))
		flood(&where);
	else if (!strcmp(mode, "sink"))
		return sink(&where);
	else
		die("xfer: no mode %s", mode);
	return 0;
}
