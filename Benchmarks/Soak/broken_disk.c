// SPDX-License-Identifier: Apache-2.0

// Preloaded, it shows a program a disk that fails: on the file system of BROKEN_DISK_PATH, as the file BROKEN_DISK_FILE says, whose
// three numbers of eight bytes may change at any time: one call in so many fails, 0 for none; with which errno; and whether a write may
// also be cut short. Other file systems, and what is only read, stay as they are.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const volatile struct { int64_t one_in, error, cuts_writes; } * fault;
static dev_t device;
static _Atomic uint64_t calls;

__attribute__((constructor)) static void map_fault(void) {
  const char *path = getenv("BROKEN_DISK_FILE"), *disk = getenv("BROKEN_DISK_PATH");
  struct stat status;
  int descriptor = path == NULL || disk == NULL || stat(disk, &status) != 0 ? -1 : open(path, O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return;
  device = status.st_dev;
  void *mapped = mmap(NULL, sizeof *fault, PROT_READ, MAP_SHARED, descriptor, 0);
  close(descriptor);
  if (mapped != MAP_FAILED) fault = mapped;
}

static uint64_t draw(void) {
  // SplitMix64 (Steele, Lea and Flood 2014) of the number of the call.
  uint64_t z = ++calls * 0x9e3779b97f4a7c15u + (uint64_t)getpid();
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

static int is_due(void) {
  int64_t one_in = fault == NULL ? 0 : fault->one_in;
  return one_in > 0 && draw() % (uint64_t)one_in == 0;
}

/// Whether a call on the descriptor fails now; errno says how.
static int fails(int descriptor) {
  struct stat status;
  if (!is_due() || fstat(descriptor, &status) != 0 || status.st_dev != device || !S_ISREG(status.st_mode)) return 0;
  errno = (int)fault->error;
  return 1;
}

static int fails_at(const char *path) {
  struct stat status;
  if (!is_due() || lstat(path, &status) != 0 || status.st_dev != device) return 0;
  errno = (int)fault->error;
  return 1;
}

#define NEXT(name)               \
  static __typeof__(&name) next; \
  if (next == NULL) next = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

/// How much of a write that fails is written all the same.
static size_t cut(size_t count) { return fault->cuts_writes && count > 1 && draw() % 2 == 0 ? count / 2 : 0; }

ssize_t write(int descriptor, const void *bytes, size_t count) {
  NEXT(write);
  if (!fails(descriptor)) return next(descriptor, bytes, count);
  size_t some = cut(count);
  return some > 0 ? next(descriptor, bytes, some) : -1;
}

ssize_t pwrite(int descriptor, const void *bytes, size_t count, off_t offset) {
  NEXT(pwrite);
  if (!fails(descriptor)) return next(descriptor, bytes, count, offset);
  size_t some = cut(count);
  return some > 0 ? next(descriptor, bytes, some, offset) : -1;
}

ssize_t pwrite64(int descriptor, const void *bytes, size_t count, off64_t offset) {
  return pwrite(descriptor, bytes, count, offset);
}

int fsync(int descriptor) {
  NEXT(fsync);
  return fails(descriptor) ? -1 : next(descriptor);
}

int fdatasync(int descriptor) {
  NEXT(fdatasync);
  return fails(descriptor) ? -1 : next(descriptor);
}

int ftruncate(int descriptor, off_t length) {
  NEXT(ftruncate);
  return fails(descriptor) ? -1 : next(descriptor, length);
}

int ftruncate64(int descriptor, off64_t length) { return ftruncate(descriptor, length); }

int rename(const char *from, const char *to) {
  NEXT(rename);
  return fails_at(from) ? -1 : next(from, to);
}

void *mmap(void *address, size_t length, int protection, int flags, int descriptor, off_t offset) {
  NEXT(mmap);
  // Memory that is no file's is left to whoever runs out of it.
  if ((flags & MAP_ANONYMOUS) == 0 && fails(descriptor)) {
    errno = ENOMEM;
    return MAP_FAILED;
  }
  return next(address, length, protection, flags, descriptor, offset);
}
