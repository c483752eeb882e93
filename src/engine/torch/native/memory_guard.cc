// Large allocations are checked against the memory that is left before they are made: Linux grants more than there is and
// then kills the process that touches it. With the check the caller gets an exception and lives on.
#include <c10/core/CPUAllocator.h>
#include <malloc.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <limits>
#include <stdexcept>
#include <string>

#include "dispatch.h"

namespace motioncue {
namespace {

// Smaller allocations are left to the system: the check costs some microseconds.
constexpr size_t kChecked = size_t{256} << 20;
constexpr int64_t kUnknown = std::numeric_limits<int64_t>::max();

int64_t numberIn(const char* path) {
  std::ifstream file(path);
  int64_t value = 0;
  return file >> value ? value : kUnknown;  // "max" of an unlimited group is no number
}

int64_t availableOnMachine() {
  std::ifstream file("/proc/meminfo");
  std::string key;
  int64_t kilobytes = 0;
  while (file >> key >> kilobytes) {
    if (key == "MemAvailable:") return kilobytes * 1024;
    file.ignore(64, '\n');
  }
  return kUnknown;
}

// What the container's limit leaves; cached files count as left, since the kernel drops them first.
int64_t availableInGroup() {
  const int64_t limit = std::min(numberIn("/sys/fs/cgroup/memory.max"), numberIn("/sys/fs/cgroup/memory/memory.limit_in_bytes"));
  if (limit == kUnknown) return kUnknown;
  int64_t used = numberIn("/sys/fs/cgroup/memory.current");
  if (used == kUnknown) used = numberIn("/sys/fs/cgroup/memory/memory.usage_in_bytes");
  if (used == kUnknown) return kUnknown;
  for (const char* path : {"/sys/fs/cgroup/memory.stat", "/sys/fs/cgroup/memory/memory.stat"}) {
    std::ifstream file(path);
    std::string key;
    int64_t bytes = 0;
    while (file >> key >> bytes) {
      if (key == "inactive_file" || key == "active_file") used -= bytes;
    }
  }
  return limit - used;
}

// Pages that this process has freed and kept (see keepPages) serve its next allocations.
int64_t keptByProcess() {
#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 33)
  return static_cast<int64_t>(mallinfo2().fordblks);
#else
  return 0;
#endif
}

std::string gibibytes(int64_t bytes) {
  const auto tenths = std::to_string(bytes / (int64_t{1} << 30) * 10 + bytes % (int64_t{1} << 30) * 10 / (int64_t{1} << 30));
  return (tenths.size() > 1 ? tenths.substr(0, tenths.size() - 1) : "0") + "." + tenths.back() + " GiB";
}

void check(size_t bytes) {
  const int64_t available = std::min(availableOnMachine(), availableInGroup());
  if (available == kUnknown) return;
  const int64_t left = available + keptByProcess();
  if (static_cast<int64_t>(bytes) > left) {
    throw std::runtime_error("out of memory: asked for " + gibibytes(static_cast<int64_t>(bytes)) + ", " + gibibytes(left) + " are left");
  }
}

// Without "override": libtorch 2 dropped the const of allocate and added copy_data.
struct GuardedAllocator final : c10::Allocator {
  c10::Allocator* inner;
  explicit GuardedAllocator(c10::Allocator* allocator) : inner(allocator) {}
  c10::DataPtr allocate(size_t bytes) const {
    if (bytes >= kChecked) check(bytes);
    return inner->allocate(bytes);
  }
  c10::DataPtr allocate(size_t bytes) { return static_cast<const GuardedAllocator*>(this)->allocate(bytes); }
  c10::DeleterFnPtr raw_deleter() const { return inner->raw_deleter(); }
  void copy_data(void* to, const void* from, std::size_t bytes) const { std::memcpy(to, from, bytes); }
};

}  // namespace

void guardMemory() {
  static GuardedAllocator guard(c10::GetDefaultCPUAllocator());
  c10::SetCPUAllocator(&guard, 1);
}

}  // namespace motioncue
