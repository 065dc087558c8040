// The simulated disk: what is durable, faults, and crashes. disk.cc has the calls and the page
// cache.

#include <algorithm>
#include <cstring>

#include "sim/disk/crash_states.h"
#include "sim/disk/disk.h"

namespace resprobe {
namespace {

constexpr size_t kFewPendingBytes = 1 << 16;

}  // namespace

// --- What is durable.

void Disk::ApplyData(const Op& op, size_t part, std::string* content) const {
  if (op.effect == Effect::kWrite) {
    const std::string_view bytes = BytesOf(op).substr(0, part);
    const size_t end = static_cast<size_t>(op.offset) + bytes.size();
    if (content->size() < end) content->resize(end);
    std::memcpy(content->data() + op.offset, bytes.data(), bytes.size());
  } else if (op.effect == Effect::kTruncate || content->size() < static_cast<size_t>(op.offset)) {
    content->resize(static_cast<size_t>(op.offset));
  }
}

void Disk::MakeDurable(const Op& op) {
  switch (op.effect) {
    case Effect::kWrite:
    case Effect::kTruncate:
    case Effect::kGrow:
      ApplyData(op, SIZE_MAX, &inodes_[op.inode].durable);
      break;
    case Effect::kLink:
      Set(&inodes_[op.dir].durable_entries, op.name, op.inode);
      break;
    case Effect::kUnlink:
      Erase(&inodes_[op.dir].durable_entries, op.name);
      break;
    case Effect::kRename:
      Erase(&inodes_[op.dir].durable_entries, op.name);
      Set(&inodes_[op.to_dir].durable_entries, op.to_name, op.inode);
      break;
  }
}

template <class Synced>
void Disk::Apply(Synced synced) {
  size_t kept = 0;
  for (size_t i = 0; i < ops_.size(); ++i) {
    if (synced(ops_[i])) {
      MakeDurable(ops_[i]);
    } else {
      if (kept != i) ops_[kept] = ops_[i];
      ++kept;
    }
  }
  if (kept != ops_.size()) ++version_;
  ops_.resize(kept);
  TrimBytes();
}

size_t Disk::pending_names() const {
  return static_cast<size_t>(std::ranges::count_if(ops_, &Op::is_name));
}

void Disk::TrimBytes() {
  if (ops_.empty()) {
    bytes_.clear();
    return;
  }
  if (bytes_.size() < kFewPendingBytes) return;
  size_t live = 0;
  for (const Op& op : ops_) live += op.effect == Effect::kWrite ? static_cast<size_t>(op.size) : 0;
  if (live * 2 > bytes_.size()) return;
  // The places of pending writes are ascending.
  size_t end = 0;
  for (Op& op : ops_) {
    if (op.effect != Effect::kWrite) continue;
    std::memmove(bytes_.data() + end, bytes_.data() + op.bytes, static_cast<size_t>(op.size));
    op.bytes = end;
    end += static_cast<size_t>(op.size);
  }
  bytes_.resize(end);
}

void Disk::SyncData(uint32_t inode, uint64_t up_to) {
  if (options_.level == CrashLevel::kPrefix) {
    Apply([up_to](const Op& op) { return op.seq < up_to; });
  } else {
    Apply([&](const Op& op) { return !op.is_name() && op.inode == inode && op.seq < up_to; });
  }
}

void Disk::SyncNames(uint32_t dir, uint64_t up_to) {
  switch (options_.level) {
    case CrashLevel::kPrefix:
      Apply([up_to](const Op& op) { return op.seq < up_to; });
      break;
    case CrashLevel::kReordered: {
      // The journal has one order.
      uint64_t last = 0;
      for (const Op& op : ops_) {
        if (op.is_name() && op.seq < up_to && op.Touches(dir)) last = op.seq;
      }
      Apply([last](const Op& op) { return op.is_name() && op.seq <= last; });
      break;
    }
    case CrashLevel::kWeak:
      // A rename between two directories is atomic: it takes along what the other one had before.
      scratch_.assign(1, dir);
      reached_.assign(ops_.size(), 0);
      for (size_t i = ops_.size(); i-- > 0;) {
        const Op& op = ops_[i];
        if (!op.is_name() || op.seq >= up_to) continue;
        if (std::ranges::none_of(scratch_, [&op](uint32_t d) { return op.Touches(d); })) continue;
        reached_[i] = 1;
        if (op.effect == Effect::kRename && op.to_dir != op.dir) {
          scratch_.push_back(op.dir);
          scratch_.push_back(op.to_dir);
        }
      }
      size_t i = 0;
      Apply([&](const Op&) { return reached_[i++] != 0; });
      break;
  }
}

void Disk::LoseData(uint32_t number, SyncFailure how) {
  Inode& inode = inodes_[number];
  ++inode.errors;
  inode.error_told = false;
  ++version_;
  if (how == SyncFailure::kRevert) {
    std::erase_if(ops_, [number](const Op& op) { return !op.is_name() && op.inode == number; });
    inode.split = false;
    inode.lost.clear();
    TrimBytes();
    return;
  }
  for (Op& op : ops_) {
    if (op.effect != Effect::kWrite || op.inode != number) continue;
    for (int64_t page = op.offset / kPage; page * kPage < op.offset + op.size; ++page) {
      if (page * kPage < static_cast<int64_t>(inode.cache.size()) &&
          std::ranges::find(inode.lost, page) == inode.lost.end()) {
        inode.lost.push_back(page);
      }
    }
    op.effect = Effect::kGrow;
    op.offset += op.size;
  }
  TrimBytes();
}

void Disk::WriteBack(size_t keep) {
  if (ops_.size() <= keep) return;
  const uint64_t first_kept = keep == 0 ? kEverything : ops_[ops_.size() - keep].seq;
  Apply([first_kept](const Op& op) { return op.seq < first_kept; });
}

// --- Faults and crashes.

void Disk::Inject(const DiskFault& fault) {
  std::erase_if(faults_, [](const DiskFault& old) { return old.times == 0; });
  faults_.push_back(fault);
}

void Disk::Heal() {
  faults_.clear();
  options_.space_bytes = INT64_MAX;
  next_delay_us_ = -1;
}

void Disk::CrashAt(uint64_t io, int64_t part) {
  crash_at_ = io;
  crash_part_ = part;
  crash_writes_ = 0;
}

void Disk::CrashInWrite(uint64_t nth, uint8_t share) {
  CrashAt(0);
  crash_writes_ = nth;
  crash_share_ = share;
}

std::string Disk::PathOf(uint32_t inode, uint32_t dir, const std::string& prefix) const {
  for (const Entry& entry : inodes_[dir].entries) {
    std::string path = prefix + names_[entry.name];
    if (entry.inode == inode) return path;
    if (!inodes_[entry.inode].directory) continue;
    if (std::string found = PathOf(inode, entry.inode, path + "/"); !found.empty()) return found;
  }
  return "";
}

void Disk::VisitPending(
    const std::function<void(const std::string& path, bool name, uint64_t seq)>& visit) const {
  for (const Op& op : ops_) {
    if (!op.is_name()) {
      visit(PathOf(op.inode, kRoot, ""), false, op.seq);
      continue;
    }
    const uint32_t dir = op.to_dir == kNone ? op.dir : op.to_dir;
    const uint32_t name = op.to_dir == kNone ? op.name : op.to_name;
    const std::string above = dir == kRoot ? "" : PathOf(dir, kRoot, "") + "/";
    visit(above + names_[name], true, op.seq);
  }
}

void Disk::CloseAll() {
  for (Descriptor& descriptor : descriptors_) descriptor.open = false;
}

void Disk::Crash(CrashKind kind) {
  if (kind == CrashKind::kMachine) {
    if (states_ == nullptr) states_ = std::make_unique<CrashStates>();
    FixedChoices none({});
    states_->Start(*this);
    states_->Draw(choices_ != nullptr ? choices_ : &none);
    states_->Materialize(this);
    ++version_;
  }
  CloseAll();
  frozen_ = false;
  crash_at_ = 0;
  crash_part_ = 0;
  crash_writes_ = 0;
  write_delay_us_ = 0;
  next_delay_us_ = -1;
}

}  // namespace resprobe
