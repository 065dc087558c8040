#include "core/persistence/memory_files.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "core/keyspace/hash.h"

namespace resprobe {
namespace {

// The next unused element, which keeps its memory.
template <class T>
T& Take(std::vector<T>* all, size_t* count) {
  if (*count == all->size()) all->emplace_back();
  return (*all)[(*count)++];
}

}  // namespace

void MemoryFiles::Reset() {
  inode_count_ = entry_count_ = directory_count_ = 0;
  descriptors_.clear();
}

std::string_view MemoryFiles::DirectoryOf(std::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
}

bool MemoryFiles::HasDirectory(std::string_view path) const {
  if (path.empty()) return true;
  for (size_t i = 0; i < directory_count_; ++i) {
    if (SameBytes(directories_[i], path)) return true;
  }
  return false;
}

size_t MemoryFiles::EntryOf(std::string_view path) const {
  for (size_t i = 0; i < entry_count_; ++i) {
    if (SameBytes(entries_[i].path, path)) return i;
  }
  return kNone;
}

size_t MemoryFiles::Make(std::string_view path) {
  size_t inode = 0;
  while (inode < inode_count_ && (inodes_[inode].named || inodes_[inode].open > 0)) ++inode;
  if (inode == inode_count_) Take(&inodes_, &inode_count_);
  inodes_[inode].bytes.clear();
  inodes_[inode].named = true;
  inodes_[inode].open = 0;
  Entry& entry = Take(&entries_, &entry_count_);
  entry.path.assign(path);
  entry.inode = inode;
  return entry_count_ - 1;
}

void MemoryFiles::Set(std::string_view path, std::string_view bytes) {
  MakeDirectory(DirectoryOf(path));
  size_t entry = EntryOf(path);
  if (entry == kNone) entry = Make(path);
  inodes_[entries_[entry].inode].bytes.assign(bytes);
}

const std::string* MemoryFiles::Find(std::string_view path) const {
  const size_t entry = EntryOf(path);
  return entry == kNone ? nullptr : &inodes_[entries_[entry].inode].bytes;
}

std::vector<std::string> MemoryFiles::Paths() const {
  std::vector<std::string> paths;
  for (size_t i = 0; i < entry_count_; ++i) paths.push_back(entries_[i].path);
  std::ranges::sort(paths);
  return paths;
}

MemoryFiles::Descriptor* MemoryFiles::Find(int file) {
  const auto index = static_cast<size_t>(file);
  if (file < 0 || index >= descriptors_.size() || descriptors_[index].inode == kNone) {
    return nullptr;
  }
  return &descriptors_[index];
}

int MemoryFiles::Open(std::string_view path, Mode mode) {
  if (mode != Mode::kRead) ++changes_;
  size_t entry = EntryOf(path);
  if (entry == kNone) {
    const bool is_directory = path.ends_with('/') || HasDirectory(path);
    if (is_directory) return HasDirectory(DirectoryOf(path)) ? -EISDIR : -ENOENT;
    if (mode == Mode::kRead || !HasDirectory(DirectoryOf(path))) return -ENOENT;
    entry = Make(path);
  }
  Inode& inode = inodes_[entries_[entry].inode];
  if (mode == Mode::kReplace) inode.bytes.clear();
  ++inode.open;
  const Descriptor opened = {.inode = entries_[entry].inode,
                             .at = 0,
                             .appends = mode == Mode::kAppend,
                             .writes = mode != Mode::kRead};
  for (size_t i = 0; i < descriptors_.size(); ++i) {
    if (descriptors_[i].inode != kNone) continue;
    descriptors_[i] = opened;
    return static_cast<int>(i);
  }
  descriptors_.push_back(opened);
  return static_cast<int>(descriptors_.size()) - 1;
}

int64_t MemoryFiles::Read(int file, std::span<char> into) {
  Descriptor* const found = Find(file);
  if (found == nullptr) return -EBADF;
  const std::string& bytes = inodes_[found->inode].bytes;
  const size_t from = std::min(found->at, bytes.size());
  const size_t count = bytes.copy(into.data(), into.size(), from);
  found->at = from + count;
  return static_cast<int64_t>(count);
}

int64_t MemoryFiles::Write(int file, std::string_view bytes) {
  ++changes_;
  Descriptor* const found = Find(file);
  if (found == nullptr || !found->writes) return -EBADF;
  std::string& into = inodes_[found->inode].bytes;
  if (found->appends) found->at = into.size();
  if (into.size() < found->at) into.resize(found->at);
  into.replace(found->at, std::min(bytes.size(), into.size() - found->at), bytes);
  found->at += bytes.size();
  return static_cast<int64_t>(bytes.size());
}

int MemoryFiles::Sync(int file) { return Find(file) == nullptr ? -EBADF : 0; }

int MemoryFiles::Truncate(int file, int64_t size) {
  ++changes_;
  Descriptor* const found = Find(file);
  if (found == nullptr) return -EBADF;
  if (size < 0 || !found->writes) return -EINVAL;
  inodes_[found->inode].bytes.resize(static_cast<size_t>(size));
  return 0;
}

int64_t MemoryFiles::Size(int file) {
  Descriptor* const found = Find(file);
  return found == nullptr ? -EBADF : static_cast<int64_t>(inodes_[found->inode].bytes.size());
}

int MemoryFiles::Close(int file) {
  Descriptor* const found = Find(file);
  if (found == nullptr) return -EBADF;
  --inodes_[found->inode].open;
  found->inode = kNone;
  return 0;
}

int MemoryFiles::Rename(std::string_view from, std::string_view to) {
  ++changes_;
  if (EntryOf(from) == kNone || !HasDirectory(DirectoryOf(to))) return -ENOENT;
  if (HasDirectory(to)) return -EISDIR;
  if (from == to) return 0;
  Unlink(to);
  entries_[EntryOf(from)].path.assign(to);
  return 0;
}

int MemoryFiles::Unlink(std::string_view path) {
  ++changes_;
  const size_t entry = EntryOf(path);
  if (entry == kNone) return -ENOENT;
  inodes_[entries_[entry].inode].named = false;
  std::swap(entries_[entry], entries_[--entry_count_]);
  return 0;
}

int MemoryFiles::MakeDirectory(std::string_view path) {
  if (HasDirectory(path)) return 0;
  if (EntryOf(path) != kNone) return -EEXIST;
  Take(&directories_, &directory_count_).assign(path);
  return 0;
}

int MemoryFiles::SyncDirectory(std::string_view path) { return HasDirectory(path) ? 0 : -ENOENT; }

int MemoryFiles::List(std::string_view path, std::vector<std::string>* names) {
  names->clear();
  if (!HasDirectory(path)) return -ENOENT;
  const auto add = [&](std::string_view full) {
    if (DirectoryOf(full) != path) return;
    names->emplace_back(path.empty() ? full : full.substr(path.size() + 1));
  };
  for (size_t i = 0; i < entry_count_; ++i) add(entries_[i].path);
  for (size_t i = 0; i < directory_count_; ++i) add(directories_[i]);
  std::ranges::sort(*names);
  return 0;
}

}  // namespace resprobe
