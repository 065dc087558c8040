// Crashes a store at each of its I/O calls, in each state in which the disk may be left, and judges
// what it recovers. docs/durability.md explains it.

#include <cstdio>
#include <string>
#include <string_view>

#include "examples/tiny_store/tiny_store.h"
#include "sim/disk/crash_states.h"
#include "sim/disk/disk.h"
#include "sim/disk/disk_trace.h"
#include "sim/disk/state_hash.h"
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

resprobe::StateDigest DigestOf(const std::map<std::string, std::string>& data) {
  uint64_t digest = 0;
  for (const auto& [key, value] : data) digest += resprobe::ContentDigest(key + ' ' + value);
  return {.values = digest, .expiries = 0};
}

// Effect i sets one of three keys to i. The model of the store is one line.
class Model : public resprobe::PrefixStates {
 public:
  static std::string Key(size_t effect) { return "key" + std::to_string(effect % 3); }
  resprobe::StateDigest After(size_t effects) override {
    std::map<std::string, std::string> data;
    for (size_t i = 0; i < effects; ++i) data[Key(i)] = std::to_string(i);
    return DigestOf(data);
  }
  std::string Describe(size_t effect) override {
    return Key(effect) + " = " + std::to_string(effect);
  }
};

// Before each I/O call: what if the machine lost power now?
class CrashEverywhere : public resprobe::DiskObserver {
 public:
  CrashEverywhere(const resprobe::DurabilityHistory* history, tiny::Fault fault) : fault_(fault) {
    judge_.Reset(history, &model_);
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
      const resprobe::RecoveredState recovered{.state = DigestOf(store.data())};
      const resprobe::DurabilityVerdict verdict = judge_.Judge(recovered);
      if (!resprobe::IsBroken(verdict.result) || !failure.empty()) continue;
      failure = std::string(NameOf(verdict.result)) + "\n  before    " + PrintCall(call) +
                "\n  left      " + states_.Describe() + "\n  expected  " +
                judge_.Expected(verdict) + "\n  recovered " + judge_.Seen(verdict, recovered);
    }
  }

  uint64_t points = 0;
  uint64_t states = 0;
  std::string failure;

 private:
  tiny::Fault fault_;
  Model model_;
  resprobe::DurabilityJudge judge_;
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
  resprobe::DurabilityHistory history;
  history.Reset(0, resprobe::DurabilityPolicy::kAlways);
  CrashEverywhere crashes(&history, fault);
  disk.set_observer(&crashes);

  DiskIo io(&disk);
  tiny::Store store(&io, fault);
  store.Start();
  for (size_t i = 0; i < 12; ++i) {
    history.Logged(TimeOf(disk));
    if (store.Set(Model::Key(i), std::to_string(i))) {
      history.Acknowledged(i, TimeOf(disk));
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
