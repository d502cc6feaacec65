// SPDX-License-Identifier: GPL-2.0
/*
 * lives KIND DRIVER FIRST COUNT SECONDS PATIENCE ADDRESS...: has each of the devices begin life after life, binds its driver, uses
 * it and unbinds it, until COUNT lives from the number FIRST on are over, or the time is.
 *
 * The devices are of scripts/hostile. What they are told stands in their PCI configuration space, where no driver writes: a write
 * to LIFE begins a life, of which LIFE then says how many lies were told in it; ORDER has the device do something; COMPLAINTS is
 * how often it has found something wrong with the driver. It strikes when it is in use.
 *
 * Each device has a process of its own. The first one watches them: what does not end within PATIENCE seconds, four times as
 * many where the device is used, never will. It prints every second `DID lives bound worked lies`, and at the end one of
 *
 *   OVER
 *   STUCK NUMBER what it was doing
 *   WRONG NUMBER what is wrong
 *
 * A life of the number 0 is one of an honest device, which has to work. Each process begins and ends with one, and has one in
 * every HONEST.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/fs.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LIFE 0xf8
#define ORDER 0xf4
#define COMPLAINTS 0xf0
/* Orders: what stands in the upper byte; the rest is a number. */
#define WANT 0u
#define QUESTION 1u
#define HINT 2u
#define HINT_DONE 3u
#define STRIKE 4u

#define HONEST 100
#define HONEST_TRIES 3
#define MOST_DEVICES 16
#define USING_FACTOR 4

enum stage { RESTING, BINDING, USING, UNBINDING };
static const char *const doing[] = { "resting", "binding", "using the device", "unbinding" };

/* What the watching process knows of another one. */
struct worker {
	_Atomic enum stage stage;
	_Atomic uint64_t since;
	_Atomic uint64_t number;
	char wrong[200];
	atomic_bool is_wrong;
	pid_t process;
	const char *address;
	int place;
};

static struct shared {
	_Atomic uint64_t next, lives, bound, worked, told;
	atomic_bool over;
	struct worker workers[MOST_DEVICES];
} *all;

static const char *driver;
static uint64_t end_number, end_ms;
static int control = 1;

static uint64_t now_ms(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

static void rest(unsigned int ms)
{
	struct timespec time = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

	nanosleep(&time, NULL);
}

static void enter(struct worker *me, enum stage stage)
{
	me->since = now_ms();
	me->stage = stage;
}

/* The first thing that is wrong with a life. */
__attribute__((format(printf, 2, 3))) static void wrong(struct worker *me, const char *format, ...)
{
	va_list arguments;

	if (me->is_wrong)
		return;
	va_start(arguments, format);
	vsnprintf(me->wrong, sizeof(me->wrong), format, arguments);
	va_end(arguments);
	me->is_wrong = true;
}

static int put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);
	ssize_t done = fd < 0 ? -1 : write(fd, text, strlen(text));
	int error = errno;

	if (fd >= 0)
		close(fd);
	return done < 0 ? -error : 0;
}

static void say(const char *format, ...)
{
	char line[256];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	put("/dev/kmsg", line);
}

static uint32_t config(const struct worker *me, unsigned int at, const uint32_t *value)
{
	char path[80];
	uint32_t got = 0;
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/config", me->address);
	fd = open(path, O_RDWR);
	if (fd < 0 || (value ? pwrite(fd, value, 4, at) : pread(fd, &got, 4, at)) != 4) {
		fprintf(stderr, "lives: %s: %s\n", path, strerror(errno));
		exit(2);
	}
	close(fd);
	return got;
}

static void order(const struct worker *me, uint32_t what, uint32_t number)
{
	uint32_t value = what << 24 | number;

	config(me, ORDER, &value);
}

/* The first entry of the folder `path` that begins with `prefix`, into `name`. */
static int child(const char *path, const char *prefix, char name[64])
{
	DIR *folder = opendir(path);
	struct dirent *entry;
	int found = 0;

	while (folder && !found && (entry = readdir(folder))) {
		found = !strncmp(entry->d_name, prefix, strlen(prefix)) && entry->d_name[0] != '.' && strlen(entry->d_name) < 64;
		if (found)
			strcpy(name, entry->d_name);
	}
	if (folder)
		closedir(folder);
	return found;
}

/* What the driver made of a device: an entry of the folder `class`, below the PCI function or the virtio device. */
static int made(const struct worker *me, const char *class, const char *prefix, char name[64])
{
	char path[256], virtio[64];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/%s", me->address, class);
	if (child(path, prefix, name))
		return 1;
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s", me->address);
	if (!child(path, "virtio", virtio))
		return 0;
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/%s/%s", me->address, virtio, class);
	return child(path, prefix, name);
}

static void pattern(void *to, size_t length, uint64_t seed)
{
	uint64_t *words = to;

	for (size_t i = 0; i < length / 8; i++)
		words[i] = (i + 1) * 0x9e3779b97f4a7c15ull ^ seed * 0xd6e8feb86659fd93ull;
}

/* --- Disks: several requests at once, written, read back, a range discarded. True when all was done. */

#define PIECE 16384
#define PIECES 8

/* All pieces at once; how many were done. */
static int pieces(int fd, int opcode, char *memory)
{
	struct iocb blocks[PIECES] = { 0 }, *list[PIECES];
	struct io_event events[PIECES];
	aio_context_t context = 0;
	int done = 0, begun;

	if (syscall(SYS_io_setup, PIECES, &context))
		return 0;
	for (int i = 0; i < PIECES; i++) {
		blocks[i].aio_fildes = fd;
		blocks[i].aio_lio_opcode = opcode;
		blocks[i].aio_buf = (uintptr_t)memory + i * PIECE;
		blocks[i].aio_nbytes = PIECE;
		/* Not side by side, or they would be one request. */
		blocks[i].aio_offset = 2 * i * PIECE;
		list[i] = &blocks[i];
	}
	begun = syscall(SYS_io_submit, context, PIECES, list);
	for (int i = 0; begun > 0 && i < begun;) {
		int some = syscall(SYS_io_getevents, context, 1, PIECES, events, NULL);

		if (some <= 0)
			break;
		for (int j = 0; j < some; j++)
			done += events[j].res == PIECE;
		i += some;
	}
	syscall(SYS_io_destroy, context);
	return done;
}

static int use_disk(struct worker *me)
{
	static char *out, *in;
	uint64_t range[2] = { 4 << 20, 1 << 20 };
	char name[64], path[80];
	int fd, worked = 0;

	if (!out) {
		out = aligned_alloc(4096, PIECES * PIECE);
		in = aligned_alloc(4096, PIECES * PIECE);
	}
	if (!made(me, "block", "vd", name))
		return 0;
	snprintf(path, sizeof(path), "/dev/%s", name);
	fd = open(path, O_RDWR | O_DIRECT);
	if (fd < 0)
		return 0;
	pattern(out, PIECES * PIECE, me->number);
	memset(in, 0x5a, PIECES * PIECE);
	worked = pieces(fd, IOCB_CMD_PWRITE, out) == PIECES;
	order(me, STRIKE, 0);
	if (worked && !fsync(fd) && pieces(fd, IOCB_CMD_PREAD, in) == PIECES) {
		worked = !memcmp(in, out, PIECES * PIECE);
		if (!worked)
			wrong(me, "SILENT: a read gives other data than was written");
	} else {
		/* Whatever has failed, requests go on. */
		worked = 0;
		pieces(fd, IOCB_CMD_PREAD, in);
	}
	ioctl(fd, BLKDISCARD, range);
	close(fd);
	return worked;
}

/* --- NICs: datagrams to who is at the other end, in one buffer, in several, in several frames; commands of the control queue. */

#define PEER "10.0.0.100"
#define ECHO_PORT 7
static const uint8_t peer_address[6] = { 0x52, 0x54, 0, 0, 0, 0x64 };
static const int sizes[] = { 60, 1400, 300, 7000 };
#define SIZES ((int)(sizeof(sizes) / sizeof(sizes[0])))
/* What has not come back by then is lost. */
#define LOST_MS 150
#define HONEST_ROUNDS 40

static void internet(struct sockaddr *address, const char *text, int port)
{
	struct sockaddr_in *in = (struct sockaddr_in *)address;

	memset(in, 0, sizeof(*in));
	in->sin_family = AF_INET;
	in->sin_port = htons(port);
	inet_aton(text, &in->sin_addr);
}

/* The link up, with an address of its own, and nobody to be asked who the other one is. */
static int set_up(const struct worker *me, int fd, const char *name)
{
	struct ifreq request = { 0 };
	struct arpreq neighbour = { .arp_flags = ATF_COM | ATF_PERM };
	char own[32];

	snprintf(own, sizeof(own), "10.0.0.%d", 1 + me->place);
	snprintf(request.ifr_name, IFNAMSIZ, "%.15s", name);
	internet(&request.ifr_addr, own, 0);
	if (ioctl(fd, SIOCSIFADDR, &request))
		return 0;
	internet(&request.ifr_addr, "255.255.255.0", 0);
	if (ioctl(fd, SIOCSIFNETMASK, &request) || ioctl(fd, SIOCGIFFLAGS, &request))
		return 0;
	request.ifr_flags |= IFF_UP;
	if (ioctl(fd, SIOCSIFFLAGS, &request))
		return 0;
	internet(&neighbour.arp_pa, PEER, 0);
	neighbour.arp_ha.sa_family = ARPHRD_ETHER;
	memcpy(neighbour.arp_ha.sa_data, peer_address, 6);
	snprintf(neighbour.arp_dev, sizeof(neighbour.arp_dev), "%.15s", name);
	return !ioctl(fd, SIOCSARP, &neighbour);
}

static void command(int fd, const char *name)
{
	struct ifreq request = { 0 };

	snprintf(request.ifr_name, IFNAMSIZ, "%.15s", name);
	if (ioctl(fd, SIOCGIFFLAGS, &request))
		return;
	request.ifr_flags |= IFF_PROMISC;
	ioctl(fd, SIOCSIFFLAGS, &request);
	if (ioctl(fd, SIOCGIFHWADDR, &request))
		return;
	request.ifr_hwaddr.sa_data[5] ^= 0x40;
	ioctl(fd, SIOCSIFHWADDR, &request);
}

/* Takes what comes back until then; `back` says which have. */
static void take(struct worker *me, int fd, uint64_t end, bool back[SIZES])
{
	static uint64_t in[1025], wanted[1024];
	struct pollfd one = { .fd = fd, .events = POLLIN };

	for (uint64_t now; (now = now_ms()) < end && poll(&one, 1, end - now) > 0;) {
		ssize_t length = recv(fd, in, sizeof(in), MSG_DONTWAIT);
		int i = 0, left = 0;

		if (length < 0)
			return;
		while (i < SIZES && sizes[i] != length)
			i++;
		pattern(wanted, sizeof(wanted), me->number * SIZES + i);
		/* A device may make up datagrams, or give old ones once more: only ours are looked at. */
		if (i == SIZES || in[0] != wanted[0])
			continue;
		if (memcmp(in, wanted, length))
			wrong(me, "SILENT: a datagram of %zd bytes comes back as something else", length);
		back[i] = true;
		for (i = 0; i < SIZES; i++)
			left += !back[i];
		if (!left)
			return;
	}
}

static int use_nic(struct worker *me)
{
	static uint64_t out[1024];
	/* An honest device's link may come up late. */
	int rounds = me->number ? 1 : HONEST_ROUNDS, all_back = 0;
	bool back[SIZES] = { false };
	char name[64];
	struct sockaddr to;
	int fd;

	if (!made(me, "net", "", name))
		return 0;
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (!set_up(me, fd, name) || setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, strlen(name))) {
		close(fd);
		return 0;
	}
	internet(&to, PEER, ECHO_PORT);
	while (rounds-- && !all_back) {
		for (int i = 0; i < SIZES; i++) {
			pattern(out, sizeof(out), me->number * SIZES + i);
			if (!back[i])
				sendto(fd, out, sizes[i], MSG_DONTWAIT, &to, sizeof(to));
		}
		/* With frames under way. */
		order(me, STRIKE, 0);
		take(me, fd, now_ms() + LOST_MS, back);
		all_back = 1;
		for (int i = 0; i < SIZES; i++)
			all_back &= back[i];
	}
	command(fd, name);
	close(fd);
	return all_back;
}

/* --- Balloons: they grow and shrink, and a process looks at its memory meanwhile. */

#define HELD (2 << 20)
#define BALLOON_MS 60
#define HONEST_BALLOON_MS 5000

/* sized PAGES: whether the device comes to have so many; ORDER says how many it has. */
static int sized(struct worker *me, uint32_t pages)
{
	uint64_t end = now_ms() + (me->number ? BALLOON_MS : HONEST_BALLOON_MS);

	order(me, WANT, pages);
	while (config(me, ORDER, NULL) != pages) {
		if (now_ms() > end)
			return 0;
		rest(2);
	}
	return 1;
}

static int use_balloon(struct worker *me)
{
	static char *held;
	int worked;

	if (!held)
		held = aligned_alloc(4096, HELD);
	pattern(held, HELD, me->number);
	order(me, QUESTION, 0);
	order(me, HINT, 5);
	worked = sized(me, 300);
	order(me, STRIKE, 0);
	worked &= sized(me, 20);
	order(me, HINT_DONE, 0);
	for (size_t i = 0; i < HELD / 8; i++) {
		if (((uint64_t *)held)[i] != ((i + 1) * 0x9e3779b97f4a7c15ull ^ me->number * 0xd6e8feb86659fd93ull)) {
			wrong(me, "SILENT: memory that is in use was given away");
			break;
		}
	}
	return worked;
}

static const struct kind {
	const char *name;
	int (*use)(struct worker *me);
} kinds[] = { { "block", use_disk }, { "net", use_nic }, { "balloon", use_balloon } };
static const struct kind *kind;

/* --- A life */

/* Whether the device was bound and worked. */
static int live(struct worker *me, uint64_t number)
{
	char path[128], line[64];
	uint32_t low = number;
	int worked = 0, error;

	me->number = number;
	say("suite: begin %llu on %s\n", (unsigned long long)number, me->address);
	config(me, LIFE, &low);
	enter(me, BINDING);
	snprintf(path, sizeof(path), "/sys/bus/pci/drivers/%s/bind", driver);
	error = put(path, me->address);
	if (!error) {
		all->bound += number != 0;
		enter(me, USING);
		worked = kind->use(me);
	}
	enter(me, UNBINDING);
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/driver/unbind", me->address);
	if (!access(path, F_OK)) {
		int left = put(path, me->address);

		if (left)
			wrong(me, "FAIL: unbinding gives %s", strerror(-left));
	}
	enter(me, RESTING);
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s", me->address);
	if (child(path, "virtio", line))
		wrong(me, "FAIL: %s is still there after unbinding", line);
	/* A lie may lead a driver to something; an honest device does not. */
	if (!number && config(me, COMPLAINTS, NULL))
		wrong(me, "FAIL: an honest device complains, see its log: %s", me->address);
	if (number) {
		all->lives++;
		all->worked += worked;
		all->told += config(me, LIFE, NULL) != 0;
	}
	return worked;
}

/* An honest device works. It is waited for as briefly as others are, so a slow machine may take another try. */
static void live_honestly(struct worker *me)
{
	for (int i = 0; i < HONEST_TRIES; i++)
		if (live(me, 0) || me->is_wrong)
			return;
	wrong(me, "FAIL: an honest device does not work");
}

static int work(struct worker *me)
{
	uint64_t number;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	live_honestly(me);
	for (int i = 1; now_ms() < end_ms && !all->over && !me->is_wrong; i++) {
		number = all->next++;
		if (number >= end_number)
			break;
		live(me, number);
		if (i % HONEST == 0 && !me->is_wrong)
			live_honestly(me);
	}
	if (!me->is_wrong)
		live_honestly(me);
	return me->is_wrong;
}

static void did(void)
{
	dprintf(control, "DID %llu %llu %llu %llu\n", (unsigned long long)all->lives, (unsigned long long)all->bound,
		(unsigned long long)all->worked, (unsigned long long)all->told);
}

/* Where a process stands in the kernel. */
static void show_stack(const struct worker *one)
{
	char path[64], text[2048];
	ssize_t length;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stack", one->process);
	fd = open(path, O_RDONLY);
	length = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);
	if (length <= 0)
		return;
	text[length] = 0;
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
		dprintf(control, "DIAG %llu: %s\n", (unsigned long long)one->number, line);
}

/* Whether one of them is stuck, or wrong; says so. */
static int look(int count, uint64_t patience_ms)
{
	for (int i = 0; i < count; i++) {
		struct worker *one = &all->workers[i];
		enum stage stage = one->stage;
		uint64_t took = now_ms() - one->since, limit = stage == USING ? patience_ms * USING_FACTOR : patience_ms;

		if (one->is_wrong) {
			dprintf(control, "WRONG %llu %s\n", (unsigned long long)one->number, one->wrong);
			return 1;
		}
		if (stage != RESTING && took > limit && took < 1000 * limit) {
			for (int j = 0; j < count; j++)
				show_stack(&all->workers[j]);
			dprintf(control, "STUCK %llu %s does not end within %llu s\n", (unsigned long long)one->number, doing[stage],
				(unsigned long long)limit / 1000);
			return 1;
		}
	}
	return 0;
}

int main(int argc, char **argv)
{
	int count = argc - 7, left = count;
	uint64_t patience_ms, second = 0;

	if (count < 1 || count > MOST_DEVICES)
		return 2;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!strcmp(kinds[i].name, argv[1]))
			kind = &kinds[i];
	if (!kind)
		return 2;
	all = mmap(NULL, sizeof(*all), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (all == MAP_FAILED)
		return 2;
	driver = argv[2];
	all->next = strtoull(argv[3], NULL, 10);
	end_number = all->next + strtoull(argv[4], NULL, 10);
	end_ms = now_ms() + strtoull(argv[5], NULL, 10) * 1000;
	patience_ms = strtoull(argv[6], NULL, 10) * 1000;
	for (int i = 0; i < count; i++) {
		struct worker *one = &all->workers[i];

		one->address = argv[7 + i];
		one->place = i;
		one->since = now_ms();
		one->process = fork();
		if (!one->process)
			_exit(work(one));
	}
	while (left) {
		int status;
		pid_t gone = waitpid(-1, &status, WNOHANG);

		if (gone > 0) {
			left--;
			if (!WIFEXITED(status) || WEXITSTATUS(status) > 1) {
				dprintf(control, "WRONG 0 FAIL: a process of the suite's ends with status %#x\n", status);
				return 1;
			}
			continue;
		}
		if (look(count, patience_ms)) {
			did();
			return 1;
		}
		rest(50);
		if (now_ms() / 1000 != second) {
			second = now_ms() / 1000;
			did();
		}
	}
	did();
	if (look(count, patience_ms))
		return 1;
	dprintf(control, "OVER\n");
	return 0;
}
