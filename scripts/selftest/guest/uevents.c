// SPDX-License-Identifier: GPL-2.0
/* uevents SECONDS: prints the kernel's events, one per line; the first line says that it listens. */
#include <linux/netlink.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

int main(int argc, char **argv)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = 1 };
	int fd = socket(AF_NETLINK, SOCK_DGRAM, NETLINK_KOBJECT_UEVENT);
	time_t end = time(NULL) + (argc == 2 ? atoi(argv[1]) : 0);
	char text[8192];

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address))) {
		perror("uevents: socket");
		return 2;
	}
	printf("listening\n");
	fflush(stdout);
	while (time(NULL) < end) {
		struct pollfd ready = { fd, POLLIN, 0 };
		ssize_t length = poll(&ready, 1, 200) == 1 ? recv(fd, text, sizeof(text) - 1, 0) : 0;

		for (ssize_t i = 0; i < length; i++)
			if (!text[i])
				text[i] = ' ';
		if (length > 0) {
			text[length] = 0;
			printf("%s\n", text);
			fflush(stdout);
		}
	}
	return 0;
}
