#include "sim/disk/crash_states.h"

#include <algorithm>

#include "sim/disk/state_hash.h"

namespace resprobe {
namespace {

// Up to this many pending names all subsets are looked at to count the states.
constexpr size_t kCountedNames = 12;
constexpr uint32_t kShapes = 8;

uint64_t SaturatingAdd(uint64_t a, uint64_t b) {
  uint64_t sum = 0;
  return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

uint64_t SaturatingMultiply(uint64_t a, uint64_t b) {
  uint64_t product = 0;
  return __builtin_mul_overflow(a, b, &product) ? UINT64_MAX : product;
}

// What a block may hold that was allocated but never written: no zeros and no text.
char Garbage(int64_t place) {
  return static_cast<char>(MixBits(static_cast<uint64_t>(place) * 0x9e3779b97f4a7c15) >> 57 | 0x80);
}

}  // namespace

void CrashStates::Start(const Disk& disk) {
  disk_ = &disk;
  name_ops_.clear();
  positions_.clear();
  files_used_ = 0;
  file_of_.assign(disk.inodes_used_, kNone);
  clean_.assign(disk.inodes_used_, 0);
  digits_.clear();
  names_valid_ = false;
  budget_ = 0;
  listed_ = 0;

  all_ops_.clear();
  for (uint32_t i = 0; i < disk.ops_.size(); ++i) {
    const Disk::Op& op = disk.ops_[i];
    all_ops_.push_back(i);
    if (op.is_name()) {
      name_ops_.push_back(i);
    } else {
      if (file_of_[op.inode] == kNone) AddFile(op.inode);
      files_[file_of_[op.inode]].ops.push_back(i);
    }
  }
  const CrashLevel level = disk.options_.level;
  if (level == CrashLevel::kPrefix) {
    FindPositions(all_ops_, &positions_);
    digits_.push_back({Kind::kPosition});
  } else if (level == CrashLevel::kReordered) {
    FindPositions(name_ops_, &positions_);
    digits_.push_back({Kind::kNames});
  } else {
    for (uint32_t i = 0; i < name_ops_.size(); ++i) digits_.push_back({Kind::kName, i});
  }
  name_digits_ = digits_.size();
  for (uint32_t i = 0; i < files_used_; ++i) {
    File& file = files_[i];
    file.first_digit = digits_.size();
    if (level == CrashLevel::kReordered) {
      FindPositions(file.ops, &file.positions);
      digits_.push_back({Kind::kFile, i});
    } else if (level == CrashLevel::kWeak) {
      FindUnits(&file);
      digits_.push_back({Kind::kSize, i});
      for (uint32_t unit = 0; unit + 1 < file.first_segment.size(); ++unit) {
        digits_.push_back({Kind::kUnit, i, unit});
      }
    }
    file.end_digit = digits_.size();
  }
  values_.assign(digits_.size(), 0);
}

void CrashStates::AddFile(uint32_t inode) {
  file_of_[inode] = static_cast<uint32_t>(files_used_);
  if (files_used_ == files_.size()) files_.emplace_back();
  File& file = files_[files_used_++];
  file.inode = inode;
  file.ops.clear();
  file.valid = false;
}

void CrashStates::FindPositions(std::span<const uint32_t> ops,
                                std::vector<Position>* positions) const {
  positions->clear();
  const int64_t unit = disk_->options_.unit_bytes;
  for (uint32_t i = 0; i < ops.size(); ++i) {
    positions->push_back({i, 0});
    const Disk::Op& op = disk_->ops_[ops[i]];
    if (op.effect != Disk::Effect::kWrite) continue;
    for (int64_t cut = (op.offset / unit + 1) * unit; cut < op.offset + op.size; cut += unit) {
      positions->push_back({i, cut - op.offset});
    }
  }
  positions->push_back({static_cast<uint32_t>(ops.size()), 0});
}

template <class See>
void CrashStates::ForEachSegment(const File& file, See see) const {
  auto size = static_cast<int64_t>(disk_->inodes_[file.inode].durable.size());
  for (const uint32_t index : file.ops) {
    const Disk::Op& op = disk_->ops_[index];
    const int64_t end = op.offset + (op.effect == Disk::Effect::kWrite ? op.size : 0);
    const int64_t grown = std::max(size, end);
    // Space that becomes part of the file without being written, or is cut off.
    if (op.offset > size) see(kNone, size, op.offset, grown);
    if (op.effect == Disk::Effect::kWrite) {
      see(index, op.offset, end, grown);
      size = grown;
    } else if (op.effect == Disk::Effect::kTruncate) {
      if (op.offset < size) see(index, op.offset, size, op.offset);
      size = op.offset;
    } else {
      size = grown;
    }
  }
}

void CrashStates::FindUnits(File* file) {
  const int64_t unit = disk_->options_.unit_bytes;
  file->sizes.assign(1, static_cast<int64_t>(disk_->inodes_[file->inode].durable.size()));
  int64_t low = INT64_MAX;
  int64_t high = 0;
  ForEachSegment(*file, [&](uint32_t, int64_t start, int64_t end, int64_t size) {
    low = std::min(low, start);
    high = std::max(high, end);
    if (file->sizes.back() != size) file->sizes.push_back(size);
  });
  if (low > high) low = high;
  file->first_unit = low / unit;
  const auto units = static_cast<size_t>((high + unit - 1) / unit - file->first_unit);
  file->first_segment.assign(units + 1, 0);
  const auto each_unit = [&](int64_t start, int64_t end, auto see) {
    for (int64_t u = start / unit; u * unit < end; ++u) {
      see(static_cast<size_t>(u - file->first_unit), std::max(start, u * unit),
          std::min(end, (u + 1) * unit));
    }
  };
  ForEachSegment(*file, [&](uint32_t op, int64_t start, int64_t end, int64_t) {
    if (op == kNone) return;
    each_unit(start, end, [&](size_t u, int64_t, int64_t) { ++file->first_segment[u + 1]; });
  });
  for (size_t u = 0; u < units; ++u) file->first_segment[u + 1] += file->first_segment[u];
  file->segments.resize(file->first_segment[units]);
  next_segment_.assign(file->first_segment.begin(), file->first_segment.end());
  ForEachSegment(*file, [&](uint32_t op, int64_t start, int64_t end, int64_t) {
    if (op == kNone) return;
    each_unit(start, end, [&](size_t u, int64_t from, int64_t to) {
      file->segments[next_segment_[u]++] = {op, from, to};
    });
  });
}

// --- How many possibilities a choice has.

uint32_t CrashStates::Visible(const File& file, uint32_t unit, int64_t size) const {
  uint32_t visible = 0;
  for (uint32_t i = file.first_segment[unit]; i < file.first_segment[unit + 1]; ++i) {
    if (file.segments[i].start < size) ++visible;
  }
  return visible;
}

uint32_t CrashStates::UnitRadix(const File& file, uint32_t unit, int64_t size) const {
  const int64_t start = (file.first_unit + unit) * disk_->options_.unit_bytes;
  if (start >= size) return 1;
  const bool fresh = start >= static_cast<int64_t>(disk_->inodes_[file.inode].durable.size());
  return Visible(file, unit, size) + 1 + (fresh ? 1 : 0);
}

uint32_t CrashStates::Radix(size_t digit) const {
  const Digit& d = digits_[digit];
  switch (d.kind) {
    case Kind::kPosition:
    case Kind::kNames:
      return static_cast<uint32_t>(positions_.size());
    case Kind::kName:
      return 2;
    case Kind::kFile:
      return files_[d.file].reached ? static_cast<uint32_t>(files_[d.file].positions.size()) : 1;
    case Kind::kSize:
      return files_[d.file].reached ? static_cast<uint32_t>(files_[d.file].sizes.size()) : 1;
    case Kind::kUnit: {
      const File& file = files_[d.file];
      if (!file.reached) return 1;
      return UnitRadix(file, d.unit, file.sizes[values_[file.first_digit]]);
    }
  }
  return 1;
}

// The possibility that everything is kept.
uint32_t CrashStates::Kept(size_t digit) const {
  const Digit& d = digits_[digit];
  if (d.kind != Kind::kUnit) return Radix(digit) - 1;
  const File& file = files_[d.file];
  return file.reached ? Visible(file, d.unit, file.sizes[values_[file.first_digit]]) : 0;
}

uint64_t CrashStates::CountFile(const File& file) const {
  const CrashLevel level = disk_->options_.level;
  if (level == CrashLevel::kPrefix) return 1;
  if (level == CrashLevel::kReordered) return file.positions.size();
  uint64_t count = 0;
  for (const int64_t size : file.sizes) {
    uint64_t ways = 1;
    for (uint32_t unit = 0; unit + 1 < file.first_segment.size(); ++unit) {
      ways = SaturatingMultiply(ways, UnitRadix(file, unit, size));
    }
    count = SaturatingAdd(count, ways);
  }
  return count;
}

uint64_t CrashStates::Count() {
  const CrashLevel level = disk_->options_.level;
  if (level == CrashLevel::kPrefix) return positions_.size();
  if (level == CrashLevel::kWeak && name_ops_.size() > kCountedNames) {
    uint64_t count = name_ops_.size() < 64 ? uint64_t{1} << name_ops_.size() : UINT64_MAX;
    for (size_t i = 0; i < files_used_; ++i)
      count = SaturatingMultiply(count, CountFile(files_[i]));
    return count;
  }
  const uint64_t sets =
      level == CrashLevel::kReordered ? positions_.size() : uint64_t{1} << name_ops_.size();
  uint64_t count = 0;
  counted_.clear();
  for (uint64_t set = 0; set < sets; ++set) {
    if (level == CrashLevel::kReordered) {
      values_[0] = static_cast<uint32_t>(set);
    } else {
      for (size_t i = 0; i < name_digits_; ++i) values_[i] = set >> i & 1;
    }
    FindReached();
    // Several sets of names may give the same directories.
    if (std::ranges::find(counted_, names_hash_) != counted_.end()) continue;
    counted_.push_back(names_hash_);
    uint64_t ways = 1;
    for (size_t i = 0; i < files_used_; ++i) {
      if (files_[i].reached) ways = SaturatingMultiply(ways, CountFile(files_[i]));
    }
    count = SaturatingAdd(count, ways);
  }
  return count;
}

// --- What the names reach.

void CrashStates::FindReached() {
  const CrashLevel level = disk_->options_.level;
  names_now_.clear();
  if (level == CrashLevel::kWeak) {
    names_now_.assign(values_.begin(), values_.begin() + static_cast<ptrdiff_t>(name_digits_));
  } else {
    uint32_t kept = positions_[values_[0]].ops;
    if (level == CrashLevel::kPrefix) {
      const auto end = std::ranges::lower_bound(name_ops_, kept);
      kept = static_cast<uint32_t>(end - name_ops_.begin());
    }
    names_now_.push_back(kept);
  }
  if (names_valid_ && names_now_ == names_built_) return;
  names_built_ = names_now_;
  names_valid_ = true;

  if (entries_.size() < disk_->inodes_used_) entries_.resize(disk_->inodes_used_);
  for (uint32_t i = 0; i < disk_->inodes_used_; ++i) {
    const Disk::Inode& inode = disk_->inodes_[i];
    if (inode.used && inode.directory) entries_[i] = inode.durable_entries;
  }
  for (uint32_t i = 0; i < name_ops_.size(); ++i) {
    if (level == CrashLevel::kWeak ? names_now_[i] == 0 : i >= names_now_[0]) continue;
    const Disk::Op& op = disk_->ops_[name_ops_[i]];
    if (op.effect == Disk::Effect::kLink) {
      Disk::Set(&entries_[op.dir], op.name, op.inode);
    } else {
      Disk::Erase(&entries_[op.dir], op.name);
    }
    if (op.effect == Disk::Effect::kRename) Disk::Set(&entries_[op.to_dir], op.to_name, op.inode);
  }
  for (size_t i = 0; i < files_used_; ++i) files_[i].reached = false;
  reached_.clear();
  names_hash_ = 0;
  directories_seen_.assign(disk_->inodes_used_, 0);
  Walk(Disk::kRoot, kRootDigest);
}

void CrashStates::Walk(uint32_t dir, uint64_t path) {
  directories_seen_[dir] = 1;
  reached_.push_back({dir, path, kNone, kDirectoryDigest});
  // A directory can have two names if only a part of its renames is kept: the first one holds.
  std::erase_if(entries_[dir], [this](const Disk::Entry& entry) {
    return disk_->inodes_[entry.inode].directory && directories_seen_[entry.inode] != 0;
  });
  for (size_t i = 0; i < entries_[dir].size(); ++i) {
    const Disk::Entry entry = entries_[dir][i];
    const uint64_t below = PathDigest(path, disk_->names_[entry.name]);
    names_hash_ += TreeTerm(below, entry.inode);
    const Disk::Inode& inode = disk_->inodes_[entry.inode];
    if (inode.directory) {
      if (directories_seen_[entry.inode] == 0) Walk(entry.inode, below);
      continue;
    }
    const uint32_t file = file_of_[entry.inode];
    uint64_t digest = 0;
    if (file != kNone) {
      files_[file].reached = true;
    } else {
      if (clean_[entry.inode] == 0) clean_[entry.inode] = ContentDigest(inode.durable);
      digest = clean_[entry.inode];
    }
    reached_.push_back({entry.inode, below, file, digest});
  }
}

// --- The current state.

void CrashStates::Build(File* file) {
  const Disk::Inode& inode = disk_->inodes_[file->inode];
  const CrashLevel level = disk_->options_.level;
  built_now_.clear();
  Position position{};
  if (level == CrashLevel::kWeak) {
    built_now_.assign(values_.begin() + static_cast<ptrdiff_t>(file->first_digit),
                      values_.begin() + static_cast<ptrdiff_t>(file->end_digit));
  } else {
    if (level == CrashLevel::kReordered) {
      position = file->positions[values_[file->first_digit]];
    } else {
      position = positions_[values_[0]];
      const auto end = std::ranges::lower_bound(file->ops, position.ops);
      if (end == file->ops.end() || *end != position.ops) position.bytes = 0;
      position.ops = static_cast<uint32_t>(end - file->ops.begin());
    }
    built_now_.push_back(position.ops);
    built_now_.push_back(static_cast<uint32_t>(position.bytes));
  }
  if (file->valid && built_now_ == file->built) return;
  file->built = built_now_;
  file->valid = true;

  std::string& content = file->content;
  if (level != CrashLevel::kWeak) {
    content.assign(inode.durable);
    for (uint32_t i = 0; i < position.ops; ++i) {
      disk_->ApplyData(disk_->ops_[file->ops[i]], SIZE_MAX, &content);
    }
    if (position.bytes > 0) {
      disk_->ApplyData(disk_->ops_[file->ops[position.ops]], static_cast<size_t>(position.bytes),
                       &content);
    }
  } else {
    const int64_t size = file->sizes[values_[file->first_digit]];
    content.assign(inode.durable, 0, static_cast<size_t>(size));
    content.resize(static_cast<size_t>(size));
    for (uint32_t unit = 0; unit + 1 < file->first_segment.size(); ++unit) {
      BuildUnit(*file, unit, size, &content);
    }
  }
  file->digest = ContentDigest(content);
}

void CrashStates::BuildUnit(const File& file, uint32_t unit, int64_t size,
                            std::string* content) const {
  uint32_t version = values_[file.first_digit + 1 + unit];
  if (version == 0) return;
  if (version > Visible(file, unit, size)) {
    const int64_t bytes = disk_->options_.unit_bytes;
    const int64_t start = (file.first_unit + unit) * bytes;
    for (int64_t at = start; at < std::min(size, start + bytes); ++at) {
      (*content)[static_cast<size_t>(at)] = Garbage(at);
    }
    return;
  }
  for (uint32_t i = file.first_segment[unit]; version > 0; ++i) {
    const Segment& segment = file.segments[i];
    if (segment.start >= size) continue;
    --version;
    const int64_t end = std::min(segment.end, size);
    const auto start = content->begin() + segment.start;
    const Disk::Op& op = disk_->ops_[segment.op];
    if (op.effect == Disk::Effect::kWrite) {
      const char* bytes = disk_->bytes_.data() + op.bytes + (segment.start - op.offset);
      std::copy(bytes, bytes + (end - segment.start), start);
    } else {
      std::fill(start, content->begin() + end, '\0');
    }
  }
}

void CrashStates::Finish() {
  FindReached();
  hash_ = 0;
  for (Reached& reached : reached_) {
    if (reached.file != kNone) {
      Build(&files_[reached.file]);
      reached.digest = files_[reached.file].digest;
    }
    hash_ += TreeTerm(reached.path, reached.digest);
  }
}

void CrashStates::Fill(bool keep) {
  for (size_t i = 0; i < digits_.size(); ++i) {
    if (i == name_digits_) FindReached();
    values_[i] = keep ? Kept(i) : 0;
  }
}

void CrashStates::DropAll() {
  Fill(false);
  Finish();
}

void CrashStates::KeepAll() {
  Fill(true);
  Finish();
}

void CrashStates::Draw(DiskChoices* choices) {
  const uint32_t shape = choices->Choose(kShapes);
  if (shape < 2) {
    Fill(shape == 1);
  } else {
    for (size_t i = 0; i < digits_.size(); ++i) {
      if (i == name_digits_) FindReached();
      const uint32_t radix = Radix(i);
      values_[i] = radix > 1 ? choices->Choose(radix) : 0;
    }
  }
  Finish();
}

std::vector<uint32_t> CrashStates::choices() const {
  std::vector<uint32_t> choices = {2};
  for (size_t i = 0; i < digits_.size(); ++i) {
    if (Radix(i) > 1) choices.push_back(values_[i]);
  }
  return choices;
}

void CrashStates::Materialize(Disk* into) const {
  const bool same = into == disk_;
  if (same) {
    into->ops_.clear();
    into->bytes_.clear();
    into->CloseAll();
  } else {
    into->Reset(into->options_, into->choices_);
    into->names_.CopyFrom(disk_->names_);
    into->inodes_used_ = disk_->inodes_used_;
    if (into->inodes_.size() < into->inodes_used_) into->inodes_.resize(into->inodes_used_);
  }
  for (uint32_t i = 0; i < into->inodes_used_; ++i) into->inodes_[i].used = false;
  for (const Reached& reached : reached_) {
    const Disk::Inode& from = disk_->inodes_[reached.inode];
    Disk::Inode& inode = into->inodes_[reached.inode];
    inode.used = true;
    inode.directory = from.directory;
    inode.split = false;
    inode.error_told = false;
    inode.errors = 0;
    inode.lost.clear();
    if (inode.directory) {
      inode.entries = entries_[reached.inode];
      inode.durable_entries = entries_[reached.inode];
    } else if (reached.file != kNone) {
      inode.durable.assign(files_[reached.file].content);
    } else if (!same) {
      inode.durable.assign(from.durable);
    }
  }
}

// --- Listing.

void CrashStates::List(uint64_t budget, uint64_t seed) {
  exhaustive_ = Count() <= budget;
  budget_ = budget;
  listed_ = 0;
  tries_ = 0;
  stage_ = 0;
  random_.Reset(seed);
  seen_.assign(64, 0);
  seen_count_ = 0;
}

bool CrashStates::Next() {
  while (listed_ < budget_ && Propose()) {
    Finish();
    if (!IsNew()) continue;
    ++listed_;
    return true;
  }
  return false;
}

bool CrashStates::Propose() {
  const size_t stage = stage_++;
  if (stage == 0) {
    Fill(false);
    return true;
  }
  if (exhaustive_) return Increment();
  if (stage == 1) {
    Fill(true);
    return true;
  }
  if (stage < 2 + 2 * digits_.size()) {
    const size_t one = (stage - 2) / 2;
    const bool keep = stage % 2 == 0;
    for (size_t i = 0; i < digits_.size(); ++i) {
      if (i == name_digits_) FindReached();
      values_[i] = keep != (i == one) ? Kept(i) : 0;
    }
    return true;
  }
  // The number of distinct states may be below the budget although Count() is above it.
  if (++tries_ > 8 * budget_) return false;
  const uint32_t mode = random_.Choose(4);
  for (size_t i = 0; i < digits_.size(); ++i) {
    if (i == name_digits_) FindReached();
    const uint32_t radix = Radix(i);
    if (radix == 1) {
      values_[i] = 0;
    } else if (mode >= 2 || random_.Choose(4) == 0) {
      values_[i] = random_.Choose(radix);
    } else {
      values_[i] = mode == 0 ? Kept(i) : 0;
    }
  }
  return true;
}

bool CrashStates::Increment() {
  for (size_t i = digits_.size(); i-- > 0;) {
    if (values_[i] + 1 >= Radix(i)) continue;
    ++values_[i];
    std::fill(values_.begin() + static_cast<ptrdiff_t>(i) + 1, values_.end(), 0);
    if (i < name_digits_) FindReached();
    return true;
  }
  return false;
}

bool CrashStates::IsNew() {
  const uint64_t hash = hash_ == 0 ? 1 : hash_;
  const auto put = [this](uint64_t value) {
    size_t at = value & (seen_.size() - 1);
    while (seen_[at] != 0 && seen_[at] != value) at = (at + 1) & (seen_.size() - 1);
    const bool is_new = seen_[at] == 0;
    seen_[at] = value;
    return is_new;
  };
  if (!put(hash)) return false;
  if (++seen_count_ * 2 > seen_.size()) {
    const std::vector<uint64_t> old = std::move(seen_);
    seen_.assign(old.size() * 2, 0);
    for (const uint64_t value : old) {
      if (value != 0) put(value);
    }
  }
  return true;
}

// --- In words.

std::string CrashStates::Describe() const {
  const CrashLevel level = disk_->options_.level;
  size_t kept = 0;
  if (level == CrashLevel::kWeak) {
    for (size_t i = 0; i < name_digits_; ++i) kept += values_[i];
  } else {
    kept = names_built_[0];
  }
  std::string text =
      std::to_string(kept) + " of " + std::to_string(name_ops_.size()) + " pending names";
  DescribeBelow(Disk::kRoot, "", &text);
  return text;
}

void CrashStates::DescribeBelow(uint32_t dir, const std::string& path, std::string* text) const {
  for (const Disk::Entry& entry : entries_[dir]) {
    const std::string name = path + disk_->names_[entry.name];
    if (disk_->inodes_[entry.inode].directory) {
      DescribeBelow(entry.inode, name + "/", text);
      continue;
    }
    const uint32_t index = file_of_[entry.inode];
    if (index == kNone) continue;
    const File& file = files_[index];
    *text += "; " + name + ": ";
    if (disk_->options_.level != CrashLevel::kWeak) {
      *text += std::to_string(file.built[0]) + " of " + std::to_string(file.ops.size()) +
               " pending writes";
      if (file.built[1] > 0) *text += " and " + std::to_string(file.built[1]) + " bytes";
      continue;
    }
    const int64_t size = file.sizes[file.built[0]];
    *text += "size " + std::to_string(size);
    for (uint32_t unit = 0; unit + 1 < file.first_segment.size(); ++unit) {
      const uint32_t visible = Visible(file, unit, size);
      const int64_t start = (file.first_unit + unit) * disk_->options_.unit_bytes;
      if (start >= size) break;
      *text += ", from " + std::to_string(start) + ": ";
      if (file.built[1 + unit] > visible) {
        *text += "garbage";
      } else {
        *text +=
            std::to_string(file.built[1 + unit]) + " of " + std::to_string(visible) + " writes";
      }
    }
  }
}

}  // namespace resprobe
