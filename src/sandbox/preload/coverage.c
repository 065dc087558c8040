// Coverage of a server that was built with clang's -fsanitize-coverage=inline-8bit-counters: its
// counters are a section of the program. Which of them have counted in a turn is noted in the
// shared memory when the turn ends, and they start again. How often is not: an engine would keep a
// case for each new number of loops.

#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sandbox/preload/preload.h"

static uint8_t* counters;
static uint64_t counter_count;

static int FirstObject(struct dl_phdr_info* info, size_t size, void* base) {
  (void)size;
  *(uintptr_t*)base = (uintptr_t)info->dlpi_addr;
  return 1;  // the program itself comes first
}

static const Elf64_Shdr* SectionOf(const char* file, uint64_t bytes, const char* name) {
  const Elf64_Ehdr* const head = (const Elf64_Ehdr*)file;
  if (bytes < sizeof(*head) || memcmp(head->e_ident, ELFMAG, SELFMAG) != 0 ||
      head->e_ident[EI_CLASS] != ELFCLASS64 || head->e_shentsize != sizeof(Elf64_Shdr) ||
      head->e_shstrndx >= head->e_shnum || head->e_shoff > bytes ||
      (bytes - head->e_shoff) / sizeof(Elf64_Shdr) < head->e_shnum) {
    return NULL;
  }
  const Elf64_Shdr* const sections = (const Elf64_Shdr*)(file + head->e_shoff);
  const Elf64_Shdr* const names = &sections[head->e_shstrndx];
  if (names->sh_offset > bytes || bytes - names->sh_offset < names->sh_size) return NULL;
  for (uint32_t i = 0; i < head->e_shnum; ++i) {
    const uint64_t at = sections[i].sh_name;
    if (at + strlen(name) < names->sh_size && strcmp(file + names->sh_offset + at, name) == 0) {
      return &sections[i];
    }
  }
  return NULL;
}

void FindCoverage(void) {
  const int fd = (int)syscall(SYS_openat, AT_FDCWD, "/proc/self/exe", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return;
  struct stat status;
  if (syscall(SYS_fstat, fd, &status) == 0 && status.st_size > 0) {
    const uint64_t bytes = (uint64_t)status.st_size;
    char* const file = (char*)syscall(SYS_mmap, NULL, bytes, PROT_READ, MAP_PRIVATE, fd, 0L);
    if (file != MAP_FAILED) {
      const Elf64_Shdr* const section = SectionOf(file, bytes, "__sancov_cntrs");
      if (section != NULL) {
        uintptr_t base = 0;
        dl_iterate_phdr(FirstObject, &base);
        counters = (uint8_t*)(base + section->sh_addr);
        counter_count = section->sh_size;
      }
      syscall(SYS_munmap, file, bytes);
    }
  }
  syscall(SYS_close, fd);
  self->counters = (uint32_t)counter_count;
}

static void Note(uint64_t i) {
  const uint32_t at = (uint32_t)(i % kSandboxMaxCoverage);
  memory->coverage[at] = 1;
  counters[i] = 0;
  if (at < memory->coverage_first) memory->coverage_first = at;
  if (at >= memory->coverage_end) memory->coverage_end = at + 1;
}

void HandOverCoverage(void) {
  uint64_t i = 0;
  for (; i + 8 <= counter_count; i += 8) {
    uint64_t eight;
    memcpy(&eight, counters + i, sizeof(eight));
    if (eight == 0) continue;
    for (uint64_t j = i; j < i + 8; ++j) {
      if (counters[j] != 0) Note(j);
    }
  }
  for (; i < counter_count; ++i) {
    if (counters[i] != 0) Note(i);
  }
}
