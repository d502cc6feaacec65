// SPDX-License-Identifier: GPL-2.0
//
// kexec load KERNEL INITRD COMMAND_LINE: has the kernel load another one, as kexec-tools does.
// kexec go: leaves this kernel for it, as a reboot: devices are shut down, programs are not asked.

#include <errno.h>
#include <fcntl.h>
#include <linux/reboot.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int give_up(const char *what)
{
	printf("%s: %s\n", what, strerror(errno));
	return 1;
}

static int load(const char *kernel, const char *initrd, const char *line)
{
	int image = open(kernel, O_RDONLY), root = open(initrd, O_RDONLY);

	if (image < 0 || root < 0)
		return give_up("open");
	if (syscall(SYS_kexec_file_load, image, root, strlen(line) + 1, line, 0UL))
		return give_up("kexec_file_load");
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 5 && !strcmp(argv[1], "load"))
		return load(argv[2], argv[3], argv[4]);
	if (argc == 2 && !strcmp(argv[1], "go")) {
		syscall(SYS_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, LINUX_REBOOT_CMD_KEXEC, NULL);
		return give_up("reboot");
	}
	puts("usage: kexec load KERNEL INITRD COMMAND_LINE | kexec go");
	return 2;
}
