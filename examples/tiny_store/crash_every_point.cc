// Crashes a store at each of its I/O calls, in each state in which the disk may be left, and judges
// what it recovers. docs/durability.md explains it.

#include <cstdio>
#include <string>
#include <string_view>

#include "examples/tiny_store/tiny_store.h"
#include "sim/disk/crash_states.h"
#include "sim/disk/disk.h"
#include "sim/disk/disk_trace.h"
#include "worlds/durability/judge.h"

namespace {

using resprobe::CrashStates;
using resprobe::Disk;

// The store's interface on the simulated disk.
class DiskIo : public tiny::Io {
 public:
  explicit DiskIo(Disk* disk) : disk_(disk) {}
  int Open(const char* path) override {
    // A log.new of an earlier life is worthless.
    return disk_->Open(path, Disk::kWriteOnly | Disk::kCreate | Disk::kTruncate | Disk::kAppend);
  }
  long Write(int file, std::string_view bytes) override { return disk_->Write(file, bytes); }
  int Sync(int file) override { return disk_->Sync(file); }
  int SyncDirectory() override {
    const int directory = disk_->Open("", Disk::kReadOnly | Disk::kDirectory);
    const int result = directory < 0 ? directory : disk_->Sync(directory);
    disk_->Close(directory);
    return result;
  }
  int Rename(const char* from, const char* to) override { return disk_->Rename(from, to); }
  void Close(int file) override { disk_->Close(file); }
  std::string Read(const char* path) override {
    std::string text(10'000, '\0');
    const int file = disk_->Open(path, Disk::kReadOnly);
    const int64_t size = file < 0 ? 0 : disk_->Read(file, text);
    disk_->Close(file);
    text.resize(size < 0 ? 0 : static_cast<size_t>(size));
    return text;
  }

 private:
  Disk* disk_;
};

// Each I/O call takes a millisecond; in microseconds.
int64_t TimeOf(const Disk& disk) { return static_cast<int64_t>(disk.io_count()) * 1000; }

using Data = std::map<std::string, std::string>;

// Version i + 1 sets one of three keys to i. The model of the store is one line.
std::string KeyOf(uint32_t effect) { return "key" + std::to_string(effect % 3); }
Data After(uint32_t version) {
  Data data;
  for (uint32_t i = 0; i < version; ++i) data[KeyOf(i)] = std::to_string(i);
  return data;
}
std::string Describe(uint32_t version) {
  return KeyOf(version - 1) + " = " + std::to_string(version - 1);
}

// Before each I/O call: what if the machine lost power now?
class CrashEverywhere : public resprobe::DiskObserver {
 public:
  CrashEverywhere(resprobe::DurabilityJudge* judge, tiny::Fault fault)
      : judge_(*judge), fault_(fault) {
    after_.Reset();
  }

  void OnCall(const Disk& disk, const resprobe::DiskCall& call) override {
    if (!resprobe::IsIo(call.op) || disk.version() == last_version_) return;
    last_version_ = disk.version();
    ++points;
    judge_.At({.power_failure = true, .at_us = TimeOf(disk)});
    states_.Start(disk);
    states_.List(/*budget=*/1000, /*seed=*/1);
    while (states_.Next()) {
      ++states;
      states_.Materialize(&after_);
      DiskIo io(&after_);
      tiny::Store store(&io, fault_);
      store.Start();
      judge_.Begin();
      for (uint32_t version = newest + 1; version-- > 0;) {
        if (After(version) == store.data() && judge_.Consider({.version = version})) break;
      }
      const resprobe::DurabilityVerdict verdict = judge_.Verdict();
      if (!resprobe::IsBroken(verdict.result) || !failure.empty()) continue;
      failure = std::string(NameOf(verdict.result)) + "\n  before    " + PrintCall(call) +
                "\n  left      " + states_.Describe() + "\n  expected  " +
                judge_.Expected(verdict) + "\n  recovered " + judge_.Seen(verdict);
    }
  }

  uint32_t newest = 0;  // the version that is being written
  uint64_t points = 0;
  uint64_t states = 0;
  std::string failure;

 private:
  resprobe::DurabilityJudge& judge_;
  tiny::Fault fault_;
  CrashStates states_;
  Disk after_;
  uint64_t last_version_ = 0;
};

// The first failure; empty: none.
std::string Run(tiny::Fault fault, resprobe::CrashLevel level) {
  resprobe::DiskOptions options;
  options.level = level;
  options.unit_bytes = 512;
  Disk disk;
  disk.Reset(options);
  resprobe::DurabilityJudge judge;
  judge.Reset(resprobe::DurabilityPolicy::kAlways);
  judge.set_describe(Describe);
  CrashEverywhere crashes(&judge, fault);
  disk.set_observer(&crashes);

  DiskIo io(&disk);
  tiny::Store store(&io, fault);
  store.Start();
  for (uint32_t i = 0; i < 12; ++i) {
    crashes.newest = i + 1;
    if (store.Set(KeyOf(i), std::to_string(i))) {
      judge.Acknowledge({.version = i + 1,
                         .now_us = TimeOf(disk),
                         .policy = resprobe::DurabilityPolicy::kAlways});
    }
    if (i % 5 == 4) store.Compact();
  }
  std::printf("%s: %llu crash points, %llu states\n",
              resprobe::kCrashLevelNames[static_cast<size_t>(level)].data(),
              static_cast<unsigned long long>(crashes.points),
              static_cast<unsigned long long>(crashes.states));
  if (!crashes.failure.empty()) std::printf("  %s\n", crashes.failure.c_str());
  return crashes.failure;
}

}  // namespace

// Exits with 0 if the store is sound and each of its faults is found.
int main() {
  using resprobe::CrashLevel;
  int wrong = 0;
  for (const CrashLevel level : {CrashLevel::kPrefix, CrashLevel::kReordered, CrashLevel::kWeak}) {
    wrong += Run(tiny::Fault::kNone, level).empty() ? 0 : 1;
  }
  for (const tiny::Fault fault :
       {tiny::Fault::kNoSync, tiny::Fault::kNoDirectorySync, tiny::Fault::kRenameBeforeSync}) {
    wrong += Run(fault, CrashLevel::kWeak).empty() ? 1 : 0;
  }
  return wrong;
}
