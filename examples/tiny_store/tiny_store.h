#ifndef RESPROBE_EXAMPLES_TINY_STORE_TINY_STORE_H_
#define RESPROBE_EXAMPLES_TINY_STORE_TINY_STORE_H_

#include <map>
#include <string>
#include <string_view>

// Stands for your storage: keys and values in a log, "key value\n" for each change. It knows
// nothing of resprobe, and does its I/O through an interface, as most storage does in its own
// tests.
namespace tiny {

class Io {
 public:
  virtual ~Io() = default;
  // As the system calls; below 0 is an error.
  virtual int Open(const char* path) = 0;  // appends; makes the file
  virtual long Write(int file, std::string_view bytes) = 0;
  virtual int Sync(int file) = 0;
  virtual int SyncDirectory() = 0;
  virtual int Rename(const char* from, const char* to) = 0;
  virtual void Close(int file) = 0;
  virtual std::string Read(const char* path) = 0;  // "" if there is none
};

enum class Fault { kNone, kNoSync, kNoDirectorySync, kRenameBeforeSync };

class Store {
 public:
  explicit Store(Io* io, Fault fault = Fault::kNone) : io_(io), fault_(fault) {}

  // Loads the log; a last line without its end is dropped.
  void Start() {
    const std::string log = io_->Read("log");
    size_t start = 0;
    for (size_t end = 0; (end = log.find('\n', start)) != std::string::npos; start = end + 1) {
      const std::string line = log.substr(start, end - start);
      const size_t space = line.find(' ');
      if (space != std::string::npos) data_[line.substr(0, space)] = line.substr(space + 1);
    }
    // What follows a torn line would become a part of it: begin with a new file.
    Compact();
  }

  // Durable if true.
  bool Set(const std::string& key, const std::string& value) {
    const std::string line = key + ' ' + value + '\n';
    if (io_->Write(file_, line) != static_cast<long>(line.size())) return false;
    if (fault_ != Fault::kNoSync && io_->Sync(file_) != 0) return false;
    data_[key] = value;
    return true;
  }

  // Replaces the log by one with a line for each key.
  bool Compact() {
    const int file = io_->Open("log.new");
    if (file < 0) return false;
    for (const auto& [key, value] : data_) io_->Write(file, key + ' ' + value + '\n');
    if (fault_ != Fault::kRenameBeforeSync && io_->Sync(file) != 0) return false;
    if (io_->Rename("log.new", "log") != 0) return false;
    if (fault_ == Fault::kRenameBeforeSync && io_->Sync(file) != 0) return false;
    if (fault_ != Fault::kNoDirectorySync && io_->SyncDirectory() != 0) return false;
    if (file_ >= 0) io_->Close(file_);
    file_ = file;
    return true;
  }

  const std::map<std::string, std::string>& data() const { return data_; }

 private:
  Io* io_;
  Fault fault_;
  int file_ = -1;
  std::map<std::string, std::string> data_;
};

}  // namespace tiny

#endif  // RESPROBE_EXAMPLES_TINY_STORE_TINY_STORE_H_
