// SPDX-License-Identifier: GPL-2.0
/*
 * rvio: direct I/O that the usual tools cannot be told to do. Linked statically into the guest's initramfs.
 *
 *   rvio try VERB DEVICE OFFSET LENGTH                            one call; prints ok, short N, or the errno's name
 *            VERB is read, write, fsync, discard, zero, erase (the ioctls), punch, zero-range, write-zeroes (fallocate)
 *   rvio fill|check DEVICE OFFSET LENGTH SEED                     a pattern that depends on seed and place
 *   rvio zeros DEVICE OFFSET LENGTH                               that all of it is zero
 *   rvio holes DEVICE OFFSET COUNT STRIDE LENGTH SEED             four processes discard LENGTH bytes at each of COUNT places,
 *                                                                 then what `fill` wrote between them is checked
 *   rvio batches DEVICE OFFSET COUNT STRIDE LENGTH SEED BATCH TURN  the same by io_uring: BATCH discards with one call, a read behind
 *                                                                 each TURN of them. None is waited for before all are under way.
 *                                                                 Holes are looked at, too
 *   rvio geometry DEVICE                                          cylinders, heads, sectors, start
 *   rvio zones DEVICE                                             each: start, length, capacity, pointer, type, condition
 *   rvio zone reset|open|close|finish DEVICE SECTOR SECTORS       prints ok, or the errno's name
 *   rvio append NVME DISK SECTOR SECTORS COUNT                    four processes append, COUNT times each, to the zone at SECTOR of the
 *                                                                 NVMe namespace that is made of DISK; what they wrote is looked for
 *                                                                 on DISK where they were told that it is. Prints ok, status N, or
 *                                                                 the errno's name
 *   rvio odd DEVICE SEED COUNT ALIGN                              random vectored I/O at random memory offsets, checked
 *   rvio vector DEVICE SEED ALIGN                                 256 segments of one block, written, read back whole
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <linux/blkzoned.h>
#include <linux/hdreg.h>
#include <linux/io_uring.h>
#include <linux/nvme_ioctl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define MIB (1u << 20)
#define REGION (16 * MIB)
#define SEGMENTS 256

static uint64_t state;

static uint32_t next(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state >> 16;
}

static void die(const char *what)
{
	fprintf(stderr, "rvio: %s: %s\n", what, strerror(errno));
	exit(2);
}

static void *pages(size_t size)
{
	void *memory;

	if (posix_memalign(&memory, 4096, size))
		die("memory");
	memset(memory, 0, size);
	return memory;
}

static int open_device(const char *path, int flags)
{
	int fd = open(path, flags | O_DIRECT);

	if (fd < 0)
		die(path);
	return fd;
}

/* Every 8 bytes tell where they belong and who wrote them. */
static void pattern(uint64_t *to, uint64_t offset, size_t length, uint64_t seed)
{
	for (size_t i = 0; i < length / 8; i++)
		to[i] = (offset / 8 + i) * 0x9e3779b97f4a7c15ull ^ seed * 0xd6e8feb86659fd93ull;
}

#ifndef FALLOC_FL_WRITE_ZEROES
#define FALLOC_FL_WRITE_ZEROES 0x80
#endif

/* Calls that are about a range, and move no data. */
static const struct range_call {
	const char *verb;
	unsigned long request;	/* an ioctl, or */
	int mode;		/* a mode of fallocate */
} range_calls[] = {
	{ "discard", BLKDISCARD, 0 },
	{ "zero", BLKZEROOUT, 0 },
	{ "erase", BLKSECDISCARD, 0 },
	{ "punch", 0, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE },
	{ "zero-range", 0, FALLOC_FL_ZERO_RANGE },
	{ "write-zeroes", 0, FALLOC_FL_WRITE_ZEROES },
};

static int call_range(int fd, const char *verb, off_t offset, size_t length)
{
	uint64_t range[2] = { offset, length };

	for (size_t i = 0; i < sizeof(range_calls) / sizeof(range_calls[0]); i++) {
		const struct range_call *call = &range_calls[i];

		if (strcmp(call->verb, verb))
			continue;
		return call->request ? ioctl(fd, call->request, range) : fallocate(fd, call->mode, offset, length);
	}
	fprintf(stderr, "rvio: no verb %s\n", verb);
	exit(2);
}

static int one_try(char **arg)
{
	const char *verb = arg[0];
	off_t offset = atoll(arg[2]);
	size_t length = atoll(arg[3]);
	int fd = open(arg[1], (strcmp(verb, "read") ? O_RDWR : O_RDONLY) | O_DIRECT);
	ssize_t done = fd;

	if (fd >= 0 && !strcmp(verb, "read"))
		done = pread(fd, pages(length), length, offset);
	else if (fd >= 0 && !strcmp(verb, "write"))
		done = pwrite(fd, pages(length), length, offset);
	else if (fd >= 0 && !strcmp(verb, "fsync"))
		done = fsync(fd) ?: (ssize_t)length;
	else if (fd >= 0)
		done = call_range(fd, verb, offset, length) ?: (ssize_t)length;
	if (done < 0)
		printf("%s\n", strerrorname_np(errno));
	else if ((size_t)done < length)
		printf("short %zd\n", done);
	else
		printf("ok\n");
	return 0;
}

static int fill_or_check(char **arg)
{
	int check = !strcmp(arg[0], "check");
	int fd = open_device(arg[1], check ? O_RDONLY : O_RDWR);
	uint64_t offset = atoll(arg[2]), end = offset + atoll(arg[3]), seed = atoll(arg[4]);
	char *wanted = pages(MIB), *got = pages(MIB);

	for (; offset < end; offset += MIB) {
		size_t length = end - offset < MIB ? end - offset : MIB;

		pattern((uint64_t *)wanted, offset, length, seed);
		if (!check) {
			if (pwrite(fd, wanted, length, offset) != (ssize_t)length)
				die("write");
			continue;
		}
		if (pread(fd, got, length, offset) != (ssize_t)length)
			die("read");
		for (size_t i = 0; i < length; i++) {
			if (got[i] == wanted[i])
				continue;
			printf("byte %llu is %02x, not %02x\n", (unsigned long long)offset + i, got[i] & 255, wanted[i] & 255);
			return 1;
		}
	}
	if (!check && fsync(fd))
		die("fsync");
	return 0;
}

static int zeros(char **arg)
{
	int fd = open_device(arg[1], O_RDONLY);
	uint64_t offset = atoll(arg[2]), end = offset + atoll(arg[3]);
	char *got = pages(MIB);

	for (; offset < end; offset += MIB) {
		size_t length = end - offset < MIB ? end - offset : MIB;

		if (pread(fd, got, length, offset) != (ssize_t)length)
			die("read");
		for (size_t i = 0; i < length; i++) {
			if (!got[i])
				continue;
			printf("byte %llu is %02x, not zero\n", (unsigned long long)offset + i, got[i] & 255);
			return 1;
		}
	}
	return 0;
}

static int geometry(char **arg)
{
	struct hd_geometry geo;

	if (ioctl(open_device(arg[1], O_RDONLY), HDIO_GETGEO, &geo))
		die("HDIO_GETGEO");
	printf("%d %d %d %lu\n", geo.cylinders, geo.heads, geo.sectors, geo.start);
	return 0;
}

#define MAX_ZONES 512

static int zones(char **arg)
{
	struct blk_zone_report *report = pages(sizeof(*report) + MAX_ZONES * sizeof(struct blk_zone));

	report->nr_zones = MAX_ZONES;
	if (ioctl(open_device(arg[1], O_RDONLY), BLKREPORTZONE, report)) {
		printf("%s\n", strerrorname_np(errno));
		return 0;
	}
	for (unsigned i = 0; i < report->nr_zones; i++) {
		const struct blk_zone *zone = &report->zones[i];

		printf("%llu %llu %llu %lld %u %u\n", zone->start, zone->len, zone->capacity, (long long)zone->wp,
		       zone->type, zone->cond);
	}
	return 0;
}

static int zone(char **arg)
{
	static const struct {
		const char *verb;
		unsigned long request;
	} calls[] = {
		{ "reset", BLKRESETZONE }, { "open", BLKOPENZONE }, { "close", BLKCLOSEZONE }, { "finish", BLKFINISHZONE },
	};
	struct blk_zone_range range = { atoll(arg[3]), atoll(arg[4]) };

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		if (strcmp(calls[i].verb, arg[1]))
			continue;
		printf("%s\n", ioctl(open_device(arg[2], O_RDWR), calls[i].request, &range) ? strerrorname_np(errno) : "ok");
		return 0;
	}
	fprintf(stderr, "rvio: no verb %s\n", arg[1]);
	return 2;
}

/* What `fill` wrote between the holes; `zero` bytes of each hole are looked at as well. */
static int between(int fd, char **arg, size_t zero)
{
	uint64_t offset = atoll(arg[2]), count = atoll(arg[3]), stride = atoll(arg[4]), length = atoll(arg[5]);
	uint64_t seed = atoll(arg[6]);
	char *wanted = pages(stride), *got = pages(stride);

	for (uint64_t i = 0; i < count; i++) {
		uint64_t at = offset + i * stride + length - zero;
		size_t left = stride - length + zero;

		memset(wanted, 0, zero);
		pattern((uint64_t *)(wanted + zero), at + zero, left - zero, seed);
		if (pread(fd, got, left, at) != (ssize_t)left)
			die("read");
		if (memcmp(wanted, got, zero)) {
			printf("hole %llu is none\n", (unsigned long long)i);
			return 1;
		}
		if (memcmp(wanted + zero, got + zero, left - zero)) {
			printf("what lies behind hole %llu has changed\n", (unsigned long long)i);
			return 1;
		}
	}
	return 0;
}

#define LANES 4

static int holes(char **arg)
{
	int fd = open_device(arg[1], O_RDWR), failed = 0, status;
	uint64_t offset = atoll(arg[2]), count = atoll(arg[3]), stride = atoll(arg[4]), length = atoll(arg[5]);

	for (int lane = 0; lane < LANES; lane++) {
		if (fork())
			continue;
		for (uint64_t i = lane; i < count; i += LANES)
			if (call_range(fd, "discard", offset + i * stride, length))
				die("discard");
		exit(0);
	}
	while (wait(&status) > 0)
		failed |= status;
	return failed ? 1 : between(fd, arg, 0);
}

#ifndef BLOCK_URING_CMD_DISCARD
#define BLOCK_URING_CMD_DISCARD _IO(0x12, 0)
#endif
#define RING_ENTRIES 256

static int batches(char **arg)
{
	int fd = open_device(arg[1], O_RDWR), failed = 0;
	uint64_t offset = atoll(arg[2]), stride = atoll(arg[4]), length = atoll(arg[5]);
	unsigned count = atoi(arg[3]), batch = atoi(arg[7]), turn = atoi(arg[8]), given = 0, shown = 0, back = 0;
	struct io_uring_params params = { 0 };
	int ring = syscall(SYS_io_uring_setup, RING_ENTRIES, &params);
	struct io_uring_sqe *entries;
	struct io_uring_cqe *results;
	unsigned *tail, *array;
	char *sq, *cq, *data = pages(4096);

	if (ring < 0)
		die("io_uring");
	sq = mmap(NULL, params.sq_off.array + params.sq_entries * 4, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQ_RING);
	cq = mmap(NULL, params.cq_off.cqes + params.cq_entries * sizeof(*results), PROT_READ | PROT_WRITE, MAP_SHARED, ring,
		  IORING_OFF_CQ_RING);
	entries = mmap(NULL, params.sq_entries * sizeof(*entries), PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQES);
	if (sq == MAP_FAILED || cq == MAP_FAILED || entries == MAP_FAILED)
		die("io_uring");
	tail = (unsigned *)(sq + params.sq_off.tail);
	array = (unsigned *)(sq + params.sq_off.array);
	results = (struct io_uring_cqe *)(cq + params.cq_off.cqes);
	for (unsigned i = 0; i < count; i++) {
		/* No entry is used twice. */
		if (given + 2 > params.sq_entries) {
			fprintf(stderr, "rvio: that is more than %u entries\n", params.sq_entries);
			return 2;
		}
		array[given] = given;
		entries[given++] = (struct io_uring_sqe){
			.opcode = IORING_OP_URING_CMD, .fd = fd, .cmd_op = BLOCK_URING_CMD_DISCARD,
			.addr = offset + i * stride, .addr3 = length,
		};
		if (i % batch % turn == turn - 1) {
			array[given] = given;
			entries[given++] = (struct io_uring_sqe){
				.opcode = IORING_OP_READ, .fd = fd, .off = offset + i * stride + length,
				.addr = (uintptr_t)data, .len = 4096, .user_data = 4096,
			};
		}
		if (i % batch != batch - 1 && i != count - 1)
			continue;
		__atomic_store_n(tail, given, __ATOMIC_RELEASE);
		if (syscall(SYS_io_uring_enter, ring, given - shown, 0, 0, NULL, 0) != (long)(given - shown))
			die("io_uring_enter");
		shown = given;
	}
	while (back < given) {
		if (syscall(SYS_io_uring_enter, ring, 0, given, IORING_ENTER_GETEVENTS, NULL, 0) < 0 && errno != EINTR)
			die("io_uring_enter");
		back = __atomic_load_n((unsigned *)(cq + params.cq_off.tail), __ATOMIC_ACQUIRE);
	}
	for (unsigned i = 0; i < given; i++) {
		if (results[i].res == (int)results[i].user_data)
			continue;
		printf("%s gives %d\n", results[i].user_data ? "a read" : "a discard", results[i].res);
		failed = 1;
	}
	return failed ? 1 : between(fd, arg, length);
}

#define ZONE_APPEND 0x7d
#define MAX_APPENDS 256

/* Zero, or the number that the parent prints: an errno, or 256 and the NVMe status. */
static int append_lane(char **arg, int lane, volatile int *ready)
{
	int nvme = open_device(arg[1], O_RDWR), disk = open_device(arg[2], O_RDONLY);
	uint64_t sector = atoll(arg[3]), places[MAX_APPENDS];
	size_t length = atoll(arg[4]) * 512;
	int count = atoi(arg[5]);
	char *data = pages(length), *got = pages(length);

	for (int i = 0; i < count && i < MAX_APPENDS; i++) {
		struct nvme_passthru_cmd64 command = {
			.opcode = ZONE_APPEND, .nsid = 1, .addr = (uintptr_t)data, .data_len = length,
			.cdw10 = sector, .cdw11 = sector >> 32, .cdw12 = length / 512 - 1,
		};
		int status;

		pattern((uint64_t *)data, i * length, length, lane + 1);
		status = ioctl(nvme, NVME_IOCTL_IO64_CMD, &command);
		if (status)
			return status < 0 ? errno : 256 + (status & 0x7ff);
		places[i] = command.result;
	}
	__atomic_add_fetch(ready, 1, __ATOMIC_SEQ_CST);
	/* Nobody's may be overwritten by another's, so all are done before the first is looked for. */
	for (int wait = 0; *ready < LANES && wait < 6000; wait++)
		usleep(10000);
	for (int i = 0; i < count && i < MAX_APPENDS; i++) {
		pattern((uint64_t *)data, i * length, length, lane + 1);
		if (pread(disk, got, length, places[i] * 512) != (ssize_t)length)
			die("read");
		if (memcmp(data, got, length)) {
			printf("append %d of process %d is not at sector %llu\n", i, lane, (unsigned long long)places[i]);
			return EILSEQ;
		}
	}
	return 0;
}

static int append(char **arg)
{
	volatile int *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int result = 0;

	if (shared == MAP_FAILED)
		die("memory");
	for (int lane = 0; lane < LANES; lane++) {
		if (fork())
			continue;
		shared[1 + lane] = append_lane(arg, lane, shared);
		if (shared[1 + lane])
			__atomic_add_fetch(shared, 1, __ATOMIC_SEQ_CST);
		exit(0);
	}
	for (int status; wait(&status) > 0;)
		if (status)
			return 2;
	for (int lane = 0; lane < LANES; lane++)
		result = result ?: shared[1 + lane];
	if (result >= 256)
		printf("status %#x\n", result - 256);
	else
		printf("%s\n", result ? strerrorname_np(result) : "ok");
	return 0;
}

/* Cuts `length` bytes into segments of random size and place inside `arena`; the segments do not overlap. */
static int scatter(struct iovec *iov, char *arena, size_t length, size_t block, size_t align)
{
	int count = 0;

	while (length) {
		size_t most = length / block, size = (1 + next() % (most < 33 ? most : 33)) * block;

		if (count == SEGMENTS - 1)
			size = length;
		arena += next() % (4096 / align) * align;
		iov[count++] = (struct iovec){ arena, size };
		arena += (size + 4095) / 4096 * 4096;
		length -= size;
	}
	return count;
}

static void copy(struct iovec *iov, int count, char *flat, int gather)
{
	for (int i = 0; i < count; i++) {
		if (gather)
			memcpy(flat, iov[i].iov_base, iov[i].iov_len);
		else
			memcpy(iov[i].iov_base, flat, iov[i].iov_len);
		flat += iov[i].iov_len;
	}
}

static int block_size(int fd)
{
	int size;

	if (ioctl(fd, BLKSSZGET, &size))
		die("BLKSSZGET");
	return size;
}

static int odd(char **arg)
{
	int fd = open_device(arg[1], O_RDWR);
	size_t block = block_size(fd), align = atoi(arg[4]);
	int rounds = atoi(arg[3]);
	char *shadow = pages(REGION), *flat = pages(MIB), *arena = pages(4 * MIB);
	struct iovec iov[SEGMENTS];
	uint64_t seed = atoll(arg[2]);

	state = seed * 2654435761u + 88172645463325252ull;
	pattern((uint64_t *)shadow, 0, REGION, seed);
	for (uint32_t offset = 0; offset < REGION; offset += MIB)
		if (pwrite(fd, shadow + offset, MIB, offset) != MIB)
			die("first write");
	for (int round = 0; round < rounds; round++) {
		size_t most = next() % 3 ? 64 * 1024 : MIB;
		size_t length = (1 + next() % (most / block)) * block;
		size_t offset = next() % ((REGION - length) / block + 1) * block;
		int count = scatter(iov, arena, length, block, align);

		if (next() % 2) {
			for (size_t i = 0; i < length; i += 4)
				*(uint32_t *)(shadow + offset + i) = next();
			copy(iov, count, shadow + offset, 0);
			if (pwritev(fd, iov, count, offset) != (ssize_t)length)
				die("write");
			continue;
		}
		memset(arena, 0xa5, 4 * MIB);
		if (preadv(fd, iov, count, offset) != (ssize_t)length)
			die("read");
		copy(iov, count, flat, 1);
		if (memcmp(flat, shadow + offset, length)) {
			printf("round %d: %zu bytes at %zu in %d segments differ\n", round, length, offset, count);
			return 1;
		}
	}
	for (uint32_t offset = 0; offset < REGION; offset += MIB) {
		if (pread(fd, flat, MIB, offset) != MIB)
			die("last read");
		if (memcmp(flat, shadow + offset, MIB)) {
			printf("the MiB at %u differs in the end\n", offset);
			return 1;
		}
	}
	return 0;
}

static int vector(char **arg)
{
	int fd = open_device(arg[1], O_RDWR);
	size_t block = block_size(fd), align = atoi(arg[3]), length = SEGMENTS * block;
	size_t stride = (block + 8191) / 4096 * 4096;
	char *arena = pages(SEGMENTS * stride), *flat = pages(length), *wanted = pages(length);
	struct iovec iov[SEGMENTS];

	for (int i = 0; i < SEGMENTS; i++)
		iov[i] = (struct iovec){ arena + i * stride + i % (4096 / align) * align, block };
	pattern((uint64_t *)wanted, 0, length, atoll(arg[2]));
	copy(iov, SEGMENTS, wanted, 0);
	/* Not from the start, so that neither end falls on a page of the device. */
	if (pwritev(fd, iov, SEGMENTS, 3 * block) != (ssize_t)length)
		die("write of 256 segments");
	if (pread(fd, flat, length, 3 * block) != (ssize_t)length)
		die("read");
	if (memcmp(flat, wanted, length)) {
		printf("256 segments written, something else read in one\n");
		return 1;
	}
	memset(arena, 0, SEGMENTS * stride);
	if (preadv(fd, iov, SEGMENTS, 3 * block) != (ssize_t)length)
		die("read of 256 segments");
	copy(iov, SEGMENTS, flat, 1);
	if (memcmp(flat, wanted, length)) {
		printf("one write, something else read into 256 segments\n");
		return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(char **arg);
		int args;
	} verbs[] = {
		{ "try", NULL, 6 }, { "fill", fill_or_check, 6 }, { "check", fill_or_check, 6 }, { "odd", odd, 6 },
		{ "vector", vector, 5 }, { "zeros", zeros, 5 }, { "holes", holes, 8 }, { "batches", batches, 10 },
		{ "geometry", geometry, 3 }, { "zones", zones, 3 }, { "zone", zone, 6 },
		{ "append", append, 7 },
	};

	for (size_t i = 0; argc > 1 && i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (!strcmp(argv[1], verbs[i].name) && argc == verbs[i].args)
			return verbs[i].run ? verbs[i].run(argv + 1) : one_try(argv + 2);
	fprintf(stderr, "rvio: wrong arguments; the head of rvio.c lists them\n");
	return 2;
}
