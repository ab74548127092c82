// A wrapper round the file system calls of a process, loaded with LD_PRELOAD. It records what happens to the files of one folder,
// so that a test can tell what a power cut at any moment would have left, and can make the disk slow or full.
//
// Environment: POWERCUT_DIR  the folder that is watched
//              POWERCUT_LOG  where records are appended
//              POWERCUT_SLOW a file; its content is the number of milliseconds each sync takes longer
//              POWERCUT_FULL a file; while it exists, writes and growing fail with "no space left"
//
// A record is: u8 op, u64 time (CLOCK_MONOTONIC, ns), u64 offset, u32 data length, u16 path length, path, data. Little endian.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { OP_WRITE = 1, OP_TRUNCATE = 2, OP_SYNC_BEGIN = 3, OP_SYNC = 4, OP_UNLINK = 5 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int log_fd = -1;

static uint64_t now_ns(void) {
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void must_write(const void *p, size_t n) {
	const char *at = p;
	while (n > 0) {
		ssize_t k = syscall(SYS_write, log_fd, at, n);
		if (k <= 0) abort(); // a log with holes would prove nothing
		at += k;
		n -= (size_t)k;
	}
}

static int watched(const char *path) {
	const char *dir = getenv("POWERCUT_DIR");
	size_t n = dir ? strlen(dir) : 0;
	return n > 0 && strncmp(path, dir, n) == 0 && path[n] == '/';
}

static int path_of(int fd, char *out) {
	char link[64];
	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	ssize_t n = readlink(link, out, PATH_MAX - 1);
	if (n <= 0) return 0;
	out[n] = 0;
	return watched(out);
}

static void record(uint8_t op, const char *path, uint64_t offset, const void *data, uint32_t n) {
	uint64_t t = now_ns();
	uint16_t len = (uint16_t)strlen(path);
	char head[23];
	pthread_mutex_lock(&lock);
	if (log_fd < 0) {
		const char *to = getenv("POWERCUT_LOG");
		log_fd = to ? (int)syscall(SYS_openat, AT_FDCWD, to, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;
		if (log_fd < 0) abort();
	}
	memcpy(head, &op, 1);
	memcpy(head + 1, &t, 8);
	memcpy(head + 9, &offset, 8);
	memcpy(head + 17, &n, 4);
	memcpy(head + 21, &len, 2);
	must_write(head, sizeof head);
	must_write(path, len);
	if (n > 0) must_write(data, n);
	pthread_mutex_unlock(&lock);
}

static int full(void) {
	const char *f = getenv("POWERCUT_FULL");
	return f && syscall(SYS_faccessat, AT_FDCWD, f, F_OK, 0) == 0;
}

static void slow(void) {
	const char *f = getenv("POWERCUT_SLOW");
	if (!f) return;
	int fd = (int)syscall(SYS_openat, AT_FDCWD, f, O_RDONLY | O_CLOEXEC, 0);
	if (fd < 0) return;
	char text[16] = {0};
	ssize_t n = syscall(SYS_read, fd, text, sizeof text - 1);
	syscall(SYS_close, fd);
	if (n <= 0) return;
	long ms = atol(text);
	struct timespec ts = {ms / 1000, (ms % 1000) * 1000000};
	nanosleep(&ts, NULL);
}

#define NEXT(type, name, ...) \
	static type (*next)(__VA_ARGS__); \
	if (!next) next = (type (*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

static ssize_t write_at(int fd, const void *p, size_t n, off_t at) {
	char path[PATH_MAX];
	int ours = path_of(fd, path);
	if (ours && full()) { errno = ENOSPC; return -1; }
	ssize_t k = syscall(SYS_pwrite64, fd, p, n, at);
	if (ours && k > 0) record(OP_WRITE, path, (uint64_t)at, p, (uint32_t)k);
	return k;
}

ssize_t pwrite(int fd, const void *p, size_t n, off_t at) { return write_at(fd, p, n, at); }
ssize_t pwrite64(int fd, const void *p, size_t n, off_t at) { return write_at(fd, p, n, at); }

ssize_t write(int fd, const void *p, size_t n) {
	char path[PATH_MAX];
	int ours = path_of(fd, path);
	if (ours && full()) { errno = ENOSPC; return -1; }
	off_t at = ours ? (off_t)syscall(SYS_lseek, fd, 0, SEEK_CUR) : 0;
	ssize_t k = syscall(SYS_write, fd, p, n);
	if (ours && k > 0) record(OP_WRITE, path, (uint64_t)at, p, (uint32_t)k);
	return k;
}

static int cut(int fd, off_t n) {
	char path[PATH_MAX];
	int ours = path_of(fd, path);
	int r = (int)syscall(SYS_ftruncate, fd, n);
	if (ours && r == 0) record(OP_TRUNCATE, path, (uint64_t)n, NULL, 0);
	return r;
}

int ftruncate(int fd, off_t n) { return cut(fd, n); }
int ftruncate64(int fd, off_t n) { return cut(fd, n); }

static int synced(int fd, long call) {
	char path[PATH_MAX];
	int ours = path_of(fd, path);
	if (ours) {
		record(OP_SYNC_BEGIN, path, 0, NULL, 0);
		slow();
	}
	int r = (int)syscall(call, fd);
	if (ours && r == 0) record(OP_SYNC, path, 0, NULL, 0);
	return r;
}

int fsync(int fd) { return synced(fd, SYS_fsync); }
int fdatasync(int fd) { return synced(fd, SYS_fdatasync); }

int unlink(const char *name) {
	NEXT(int, "unlink", const char *);
	char path[PATH_MAX];
	int ours = realpath(name, path) != NULL && watched(path);
	int r = next(name);
	if (ours && r == 0) record(OP_UNLINK, path, 0, NULL, 0);
	return r;
}
