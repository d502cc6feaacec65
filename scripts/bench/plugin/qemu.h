/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is used of QEMU's plugin interface, version 7 (QEMU 11.1), and of GLib: Debian ships no header of it. Written after
 * its documentation, https://www.qemu.org/docs/master/devel/tcg-plugins.html. QEMU refuses a plugin of another version
 * than it knows.
 */
#ifndef RVIRTIO_BENCH_QEMU_H
#define RVIRTIO_BENCH_QEMU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PLUGIN_VERSION 7
#define EXPORT __attribute__((visibility("default")))

typedef uint64_t plugin_id;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
struct qemu_plugin_scoreboard;
struct qemu_plugin_register;

/* A 64-bit number of each CPU's entry of a scoreboard. */
struct entry {
	struct qemu_plugin_scoreboard *score;
	size_t offset;
};

enum { NO_REGS, R_REGS };
enum { COND_NE = 3 };
enum { DISCON_INTERRUPT = 1 };

/* A register, as qemu_plugin_get_registers() lists them. */
struct reg {
	struct qemu_plugin_register *handle;
	const char *name, *feature;
	bool is_readonly;
};

struct garray {
	char *data;
	unsigned int len;
};

struct gbytes {
	uint8_t *data;
	unsigned int len;
};

typedef void (*tb_translated)(struct qemu_plugin_tb *tb, void *data);
typedef void (*vcpu_does)(unsigned int cpu, void *data);
typedef void (*vcpu_jumps)(unsigned int cpu, int type, uint64_t from, uint64_t to, void *data);
typedef void (*plugin_ends)(void *data);

void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id id, tb_translated call, void *data);
void qemu_plugin_register_vcpu_init_cb(plugin_id id, vcpu_does call, void *data);
void qemu_plugin_register_vcpu_discon_cb(plugin_id id, int type, vcpu_jumps call, void *data);
void qemu_plugin_register_atexit_cb(plugin_id id, plugin_ends call, void *data);
void qemu_plugin_register_vcpu_tb_exec_cond_cb(struct qemu_plugin_tb *tb, vcpu_does call, int flags, int cond,
					       struct entry entry, uint64_t value, void *data);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn, vcpu_does call, int flags, void *data);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t index);
size_t qemu_plugin_insn_data(const struct qemu_plugin_insn *insn, void *target, size_t bytes);
struct qemu_plugin_scoreboard *qemu_plugin_scoreboard_new(size_t bytes);
void qemu_plugin_u64_set(struct entry entry, unsigned int cpu, uint64_t value);
struct garray *qemu_plugin_get_registers(void);
bool qemu_plugin_read_register(struct qemu_plugin_register *handle, struct gbytes *target);
bool qemu_plugin_read_memory_vaddr(uint64_t address, struct gbytes *target, size_t bytes);
void qemu_plugin_outs(const char *text);

struct gbytes *g_byte_array_new(void);
struct gbytes *g_byte_array_set_size(struct gbytes *bytes, unsigned int size);

#endif
