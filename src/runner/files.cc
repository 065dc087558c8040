#include "runner/files.h"

#include <absl/strings/str_format.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "runner/user_error.h"

namespace resprobe::runner {
namespace {

// In the same folder, so that rename() is atomic.
std::string TempName(const fs::path& path) {
  return path.string() + "." + std::to_string(getpid()) + ".tmp";
}

}  // namespace

std::string ReadFile(const fs::path& path) {
  std::error_code error;
  if (fs::is_directory(path, error)) {
    throw UserError(path.string() + ": is a folder: name a file");
  }
  std::FILE* file = std::fopen(path.c_str(), "rb");
  if (file == nullptr) {
    throw UserError(path.string() + ": cannot be read: " + std::strerror(errno));
  }
  std::string content;
  char buffer[65536];
  while (std::feof(file) == 0 && std::ferror(file) == 0) {
    content.append(buffer, std::fread(buffer, 1, sizeof(buffer), file));
  }
  const bool failed = std::ferror(file) != 0;
  std::fclose(file);
  if (failed) throw UserError(path.string() + ": cannot be read to its end");
  return content;
}

void WriteFile(const fs::path& name, std::string_view content) {
  std::error_code error;
  // Write the target of a link, not the link; do not replace what is not a regular file (a pipe, a
  // device).
  fs::path path = name;
  for (int i = 0; i < 40 && fs::is_symlink(path, error); ++i) {
    path = path.parent_path() / fs::read_symlink(path, error);
  }
  const bool replace = !fs::exists(path, error) || fs::is_regular_file(path, error);
  const std::string temp = replace ? TempName(path) : path.string();
  std::FILE* file = std::fopen(temp.c_str(), "wb");
  bool written = file != nullptr;
  if (written) {
    written = std::fwrite(content.data(), 1, content.size(), file) == content.size();
    written = std::fclose(file) == 0 && written;
  }
  if (!written || (replace && std::rename(temp.c_str(), path.c_str()) != 0)) {
    const std::string why = std::strerror(errno);
    if (replace) std::remove(temp.c_str());
    throw UserError(path.string() + ": cannot be written: " + why);
  }
}

void CheckWritable(const fs::path& path) {
  std::error_code error;
  if (fs::is_directory(path, error)) {
    throw UserError(path.string() + ": is a folder: name a file");
  }
  const fs::path folder = path.parent_path();
  if (!folder.empty() && !fs::is_directory(folder, error)) {
    throw UserError(path.string() + ": there is no folder " + folder.string() +
                    ": create it first");
  }
  if (fs::exists(path, error) && !fs::is_regular_file(path, error)) return;
  const std::string temp = TempName(path);
  std::FILE* file = std::fopen(temp.c_str(), "wb");
  if (file == nullptr) {
    throw UserError(path.string() + ": cannot be written: " + std::strerror(errno));
  }
  std::fclose(file);
  std::remove(temp.c_str());
}

void MakeFolder(const fs::path& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error) throw UserError(path.string() + ": cannot be created: " + error.message());
}

std::vector<fs::path> FilesIn(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
    if (entry.is_regular_file(error) && !entry.path().filename().string().starts_with('.')) {
      files.push_back(entry.path());
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

// FIPS 180-4, section 6.1.
std::string Sha1(std::string_view content) {
  std::string padded(content);
  padded += '\x80';
  while (padded.size() % 64 != 56) padded += '\0';
  const uint64_t bits = uint64_t{content.size()} * 8;
  for (int shift = 56; shift >= 0; shift -= 8) padded += static_cast<char>(bits >> shift);
  std::array<uint32_t, 5> hash = {0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0};
  for (size_t block = 0; block < padded.size(); block += 64) {
    uint32_t w[80];
    for (size_t i = 0; i < 16; ++i) {
      w[i] = 0;
      for (size_t j = 0; j < 4; ++j) {
        w[i] = w[i] << 8 | static_cast<uint8_t>(padded[block + 4 * i + j]);
      }
    }
    for (size_t i = 16; i < 80; ++i) {
      w[i] = std::rotl(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    }
    auto [a, b, c, d, e] = hash;
    for (size_t i = 0; i < 80; ++i) {
      uint32_t f = 0;
      uint32_t k = 0;
      if (i < 20) {
        f = (b & c) | (~b & d);
        k = 0x5A827999;
      } else if (i < 40) {
        f = b ^ c ^ d;
        k = 0x6ED9EBA1;
      } else if (i < 60) {
        f = (b & c) | (b & d) | (c & d);
        k = 0x8F1BBCDC;
      } else {
        f = b ^ c ^ d;
        k = 0xCA62C1D6;
      }
      const uint32_t next = std::rotl(a, 5) + f + e + k + w[i];
      e = d;
      d = c;
      c = std::rotl(b, 30);
      b = a;
      a = next;
    }
    hash[0] += a;
    hash[1] += b;
    hash[2] += c;
    hash[3] += d;
    hash[4] += e;
  }
  std::string text;
  for (const uint32_t word : hash) absl::StrAppendFormat(&text, "%08x", word);
  return text;
}

namespace {

constexpr char kRunFolder[] = "resprobe-run-";

// A lock on the folder that ends with this process and its children; -1 if another process has it.
int LockFolder(const fs::path& folder) {
  const int fd = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) == 0) return fd;
  close(fd);
  return -1;
}

// Deletes the folders of runs that have ended without deleting them.
void DeleteDeadRunFolders(const fs::path& in) {
  std::error_code error;
  for (fs::directory_iterator at(in, error), end; !error && at != end; at.increment(error)) {
    if (!at->path().filename().string().starts_with(kRunFolder)) continue;
    const int lock = LockFolder(at->path());
    if (lock < 0) continue;
    std::error_code ignored;  // it may be another user's
    fs::remove_all(at->path(), ignored);
    close(lock);
  }
}

}  // namespace

RunFolder::RunFolder() {
  std::error_code error;
  const fs::path in = fs::temp_directory_path(error);
  if (error) return;
  DeleteDeadRunFolders(in);
  const char* const before = std::getenv("TMPDIR");
  was_set_ = before != nullptr;
  if (was_set_) before_ = before;
  // Another run may take the folder for a dead one before it is locked: then make another.
  for (int i = 0; i < 10 && path_.empty(); ++i) {
    std::string name = (in / kRunFolder).string() + "XXXXXX";
    if (mkdtemp(name.data()) == nullptr) return;
    lock_ = LockFolder(name);
    struct stat status = {};
    if (lock_ >= 0 && fstat(lock_, &status) == 0 && status.st_nlink > 0) {
      path_ = name;
    } else {
      if (lock_ >= 0) close(std::exchange(lock_, -1));
      fs::remove(name, error);
    }
  }
  if (!path_.empty()) setenv("TMPDIR", path_.c_str(), 1);
}

RunFolder::~RunFolder() {
  if (path_.empty()) return;
  if (was_set_) {
    setenv("TMPDIR", before_.c_str(), 1);
  } else {
    unsetenv("TMPDIR");
  }
  std::error_code error;
  fs::remove_all(path_, error);
  close(lock_);
}

fs::path TemporaryFiles() {
  std::error_code error;
  fs::path in = fs::temp_directory_path(error);
  if (!error) return in;
  const char* const given = std::getenv("TMPDIR");
  throw UserError("TMPDIR " + std::string(given == nullptr ? "/tmp" : given) +
                  ": is no folder: create it, or set TMPDIR to one");
}

TempFolder::TempFolder() {
  std::string name = (TemporaryFiles() / "resprobe-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) {
    throw UserError(name + ": cannot be created: " + std::strerror(errno));
  }
  path_ = name;
}

TempFolder::~TempFolder() {
  std::error_code error;
  fs::remove_all(path_, error);
}

}  // namespace resprobe::runner
