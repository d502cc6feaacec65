// SPDX-License-Identifier: GPL-2.0
/*
 * count: a TCG plugin that counts the guest kernel's instructions, by block of code, in phases that the guest marks.
 *
 *   -plugin libcount.so,out=FILE,map=FILE
 *
 * The guest executes `nopl 0x5156NNNN(%rax)`: NNNN is the number of a phase that begins, 0 ends it, 0xffff has `map`
 * read. Its lines, addresses in hexadecimal:
 *
 *   driver START END   code of a driver, its ring or its transport
 *   left START         a function that is left out when a driver calls it, with all that it calls
 *   switch START       __switch_to_asm
 *   idle TASK          the idle task
 *
 * An instruction counts as inside a driver from the entry into a function of its code, with ENDBR64 at its start, until that
 * function returns; interrupts meanwhile are left out until the interrupted instruction runs. Each task has frames of its
 * own for that, since it may be switched away at any time. One CPU only.
 *
 * For each phase `out` gets:
 *
 *   phase NUMBER STRAYS                       blocks of a driver's code that ran without an entry: should be 0
 *   entry ADDRESS CALLS INSTRUCTIONS          inside, by the function that was entered
 *   block ADDRESS LENGTH RUNS INSIDE IDLE     how often a block of LENGTH instructions ran: in all, inside a driver, idle
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "qemu.h"

#define MARK 0x5156
#define READ_MAP 0xffff
#define DEPTH 48
#define TASKS 128
#define BUCKETS (1u << 16)
#define RANGES 256
#define ENTRIES 512

EXPORT int qemu_plugin_version = PLUGIN_VERSION;

enum { DRIVER = 1, LEFT = 2, SWITCH = 4, ENDBR = 8 };

struct block {
	struct block *next;
	uint64_t start, runs, inside, idle;
	uint32_t length, flags;
};

enum kind { IN_DRIVER, IN_LEFT, IN_INTERRUPT };

/* It ends when the CPU is at `back` with its stack above `stack`. */
struct frame {
	uint64_t back, stack;
	enum kind kind;
	int entry;
};

struct task {
	uint64_t task;
	int depth, interrupts;
	struct frame frames[DEPTH];
};

struct range {
	uint64_t start, end;
};

static struct {
	uint64_t address, calls, insns;
} entries[ENTRIES];
static int entry_count;

static struct block *blocks[BUCKETS];
static struct task tasks[TASKS], *task = tasks;
static struct range drivers[RANGES];
static uint64_t left[RANGES], switch_to, idle_task;
static int driver_count, left_count;
static struct entry on;
static int phase;
static uint64_t strays, lost;
static struct qemu_plugin_register *rsp, *rdi, *rsi;
static struct gbytes *bytes;
static const char *map_path;
static FILE *out;

static uint64_t eight(void)
{
	uint64_t value = 0;

	if (bytes->len >= 8)
		memcpy(&value, bytes->data, 8);
	return value;
}

static uint64_t reg(struct qemu_plugin_register *handle)
{
	g_byte_array_set_size(bytes, 0);
	qemu_plugin_read_register(handle, bytes);
	return eight();
}

static uint64_t memory(uint64_t address)
{
	g_byte_array_set_size(bytes, 0);
	qemu_plugin_read_memory_vaddr(address, bytes, 8);
	return eight();
}

static void push(enum kind kind, uint64_t back, uint64_t stack, int entry)
{
	if (task->depth == DEPTH) {
		lost++;
		return;
	}
	task->frames[task->depth++] = (struct frame){ back, stack, kind, entry };
	task->interrupts += kind == IN_INTERRUPT;
}

static void forget(void)
{
	task->depth = task->interrupts = 0;
}

/* At its first instruction a function has its return address on top of the stack. */
static void push_call(enum kind kind, int entry)
{
	uint64_t stack = reg(rsp);

	push(kind, memory(stack), stack, entry);
}

static int entry_of(uint64_t address)
{
	int i;

	for (i = 0; i < entry_count; i++)
		if (entries[i].address == address)
			return i;
	if (entry_count == ENTRIES)
		return ENTRIES - 1;
	entries[entry_count].address = address;
	return entry_count++;
}

/* The frames of a task; those of one that has none may go. */
static struct task *task_of(uint64_t address)
{
	struct task *free = NULL;
	int i;

	for (i = 0; i < TASKS; i++) {
		if (tasks[i].task == address)
			return &tasks[i];
		if (!tasks[i].depth && &tasks[i] != task)
			free = &tasks[i];
	}
	if (!free) {
		lost++;
		free = task == tasks ? tasks + 1 : tasks;
	}
	memset(free, 0, sizeof(*free));
	free->task = address;
	return free;
}

static void ran(unsigned int cpu, void *data)
{
	struct block *block = data;
	struct frame *top;
	bool inside;

	if (!(block->start >> 63)) {
		forget();
		return;
	}
	while (task->depth) {
		top = &task->frames[task->depth - 1];
		if (top->back != block->start || reg(rsp) <= top->stack)
			break;
		task->interrupts -= top->kind == IN_INTERRUPT;
		task->depth--;
	}
	inside = task->depth && task->frames[task->depth - 1].kind == IN_DRIVER;
	if (!inside && (block->flags & DRIVER)) {
		if (block->flags & ENDBR) {
			int entry = entry_of(block->start);

			push_call(IN_DRIVER, entry);
			entries[entry].calls++;
			inside = true;
		} else {
			strays++;
		}
	}
	if (inside && (block->flags & LEFT)) {
		push_call(IN_LEFT, 0);
		inside = false;
	}
	block->runs++;
	if (inside) {
		block->inside++;
		entries[task->frames[task->depth - 1].entry].insns += block->length;
	}
	block->idle += task->task == idle_task && !task->interrupts;
	if (block->flags & SWITCH) {
		/* Who runs is not known before the first switch. */
		task->task = reg(rdi);
		task = task_of(reg(rsi));
	}
}

static void interrupted(unsigned int cpu, int type, uint64_t from, uint64_t to, void *data)
{
	/* What runs for user space begins without frames. */
	if (phase && from >> 63)
		push(IN_INTERRUPT, from, reg(rsp), 0);
}

static void begin(int number)
{
	uint64_t now = task->task;

	memset(tasks, 0, sizeof(tasks));
	task = tasks;
	task->task = now;
	phase = number;
	strays = lost = 0;
}

static void end(void)
{
	struct block *block;
	int i;

	fprintf(out, "phase %d %" PRIu64 "\n", phase, strays + lost);
	for (i = 0; i < entry_count; i++)
		fprintf(out, "entry %" PRIx64 " %" PRIu64 " %" PRIu64 "\n", entries[i].address, entries[i].calls, entries[i].insns);
	memset(entries, 0, sizeof(entries));
	entry_count = 0;
	for (i = 0; i < (int)BUCKETS; i++) {
		for (block = blocks[i]; block; block = block->next) {
			if (block->runs)
				fprintf(out, "block %" PRIx64 " %u %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", block->start, block->length,
					block->runs, block->inside, block->idle);
			block->runs = block->inside = block->idle = 0;
		}
	}
	fflush(out);
	phase = 0;
}

static void classify(struct block *block)
{
	int i;

	block->flags &= ENDBR;
	for (i = 0; i < driver_count; i++)
		if (block->start >= drivers[i].start && block->start < drivers[i].end)
			block->flags |= DRIVER;
	/* Direct calls may have been patched to leave out the ENDBR64. */
	for (i = 0; i < left_count; i++)
		if (block->start == left[i] || block->start == left[i] + 4)
			block->flags |= LEFT;
	if (block->start == switch_to)
		block->flags |= SWITCH;
}

static void read_map(void)
{
	FILE *map = fopen(map_path, "r");
	struct block *block;
	char word[16];
	uint64_t first;
	int i;

	if (!map)
		return;
	driver_count = left_count = 0;
	while (fscanf(map, "%15s %" SCNx64, word, &first) == 2) {
		if (!strcmp(word, "driver") && driver_count < RANGES) {
			drivers[driver_count].start = first;
			if (fscanf(map, "%" SCNx64, &drivers[driver_count].end) == 1)
				driver_count++;
		} else if (!strcmp(word, "left") && left_count < RANGES) {
			left[left_count++] = first;
		} else if (!strcmp(word, "switch")) {
			switch_to = first;
		} else if (!strcmp(word, "idle")) {
			idle_task = first;
		}
	}
	fclose(map);
	for (i = 0; i < (int)BUCKETS; i++)
		for (block = blocks[i]; block; block = block->next)
			classify(block);
}

static void marked(unsigned int cpu, void *data)
{
	int number = (int)(intptr_t)data;
	char line[32];

	if (number == READ_MAP) {
		read_map();
		return;
	}
	snprintf(line, sizeof(line), "bench phase %d\n", number);
	qemu_plugin_outs(line);
	if (phase)
		end();
	if (number)
		begin(number);
	qemu_plugin_u64_set(on, cpu, phase);
}

static struct block *block_of(uint64_t start, uint32_t length)
{
	struct block **place = &blocks[(start ^ start >> 16 ^ length) % BUCKETS];

	for (; *place; place = &(*place)->next)
		if ((*place)->start == start && (*place)->length == length)
			return *place;
	*place = calloc(1, sizeof(**place));
	if (!*place)
		abort();
	(*place)->start = start;
	(*place)->length = length;
	return *place;
}

static void translated(struct qemu_plugin_tb *tb, void *data)
{
	static const uint8_t endbr[] = { 0xf3, 0x0f, 0x1e, 0xfa }, nopl[] = { 0x0f, 0x1f, 0x80 };
	size_t count = qemu_plugin_tb_n_insns(tb), i;
	struct block *block = block_of(qemu_plugin_tb_vaddr(tb), count);
	uint8_t code[16];

	for (i = 0; i < count; i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
		size_t size = qemu_plugin_insn_data(insn, code, sizeof(code));

		if (!i) {
			block->flags = size == sizeof(endbr) && !memcmp(code, endbr, size) ? ENDBR : 0;
			classify(block);
		}
		if (size == 7 && !memcmp(code, nopl, sizeof(nopl)) && (code[5] | code[6] << 8) == MARK)
			qemu_plugin_register_vcpu_insn_exec_cb(insn, marked, NO_REGS, (void *)(intptr_t)(code[3] | code[4] << 8));
	}
	qemu_plugin_register_vcpu_tb_exec_cond_cb(tb, ran, R_REGS, COND_NE, on, 0, block);
}

static void started(unsigned int cpu, void *data)
{
	struct garray *list = qemu_plugin_get_registers();
	struct reg *regs = (struct reg *)list->data;
	unsigned int i;

	for (i = 0; i < list->len; i++) {
		if (!strcmp(regs[i].name, "rsp"))
			rsp = regs[i].handle;
		if (!strcmp(regs[i].name, "rdi"))
			rdi = regs[i].handle;
		if (!strcmp(regs[i].name, "rsi"))
			rsi = regs[i].handle;
	}
}

static void ended(void *data)
{
	if (phase)
		end();
	fclose(out);
}

EXPORT int qemu_plugin_install(plugin_id id, const void *info, int argc, char **argv)
{
	int i;

	for (i = 0; i < argc; i++) {
		if (!strncmp(argv[i], "out=", 4))
			out = fopen(argv[i] + 4, "w");
		if (!strncmp(argv[i], "map=", 4))
			map_path = argv[i] + 4;
	}
	if (!out || !map_path)
		return -1;
	bytes = g_byte_array_new();
	on.score = qemu_plugin_scoreboard_new(sizeof(uint64_t));
	on.offset = 0;
	qemu_plugin_register_vcpu_init_cb(id, started, NULL);
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated, NULL);
	qemu_plugin_register_vcpu_discon_cb(id, DISCON_INTERRUPT, interrupted, NULL);
	qemu_plugin_register_atexit_cb(id, ended, NULL);
	return 0;
}
