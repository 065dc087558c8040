#include "live/server/output_keeper.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <utility>

#include "live/server/system_error.h"

namespace resprobe::live {
namespace {

constexpr size_t kChunk = 64 << 10;
// More than a pipe holds.
constexpr size_t kPipe = 1 << 20;
constexpr uintmax_t kPage = 4096;
// After each chunk of an output without end: it shall not take a processor.
constexpr std::chrono::milliseconds kRest(1);
constexpr std::chrono::milliseconds kLookEvery(200);

}  // namespace

std::unique_ptr<OutputKeeper> OutputKeeper::Make(const std::string& path, UniqueFd* writer,
                                                 std::string* error) {
  std::unique_ptr<OutputKeeper> keeper(new OutputKeeper);
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) {
    *error = SystemError("cannot make a pipe");
    return nullptr;
  }
  keeper->output_ = UniqueFd(ends[0]);
  *writer = UniqueFd(ends[1]);
  keeper->file_ = UniqueFd(open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  keeper->stop_ = UniqueFd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!keeper->file_.valid() || !keeper->stop_.valid() ||
      fcntl(keeper->output_.get(), F_SETFL, O_NONBLOCK) != 0) {
    *error = SystemError("cannot keep the server's output");
    return nullptr;
  }
  // Signals are for the other threads.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  keeper->thread_ = std::thread([raw = keeper.get()] { raw->Run(); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return keeper;
}

OutputKeeper::~OutputKeeper() {
  if (!thread_.joinable()) return;
  if (of_parent()) {
    thread_.detach();
    return;
  }
  const uint64_t one = 1;
  while (write(stop_.get(), &one, sizeof(one)) < 0 && errno == EINTR) {
  }
  thread_.join();
}

void OutputKeeper::Run() {
  using Clock = std::chrono::steady_clock;
  pollfd polled[] = {{output_.get(), POLLIN, 0}, {stop_.get(), POLLIN, 0}};
  Clock::time_point next_look = Clock::now() + kLookEvery;
  while (poll(polled, 2, kLookEvery.count()) >= 0 || errno == EINTR) {
    if (polled[1].revents != 0) return;
    bool long_one;
    {
      const std::lock_guard lock(mutex_);
      // A process that has closed its output goes on.
      if (polled[0].fd >= 0 && !Move(kChunk)) polled[0].fd = -1;
      long_one = size_ > kHead + kTail;
      if (look_ && Clock::now() >= next_look) {
        look_();
        next_look = Clock::now() + kLookEvery;
      }
    }
    if (long_one) std::this_thread::sleep_for(kRest);
  }
}

void OutputKeeper::CatchUp() {
  if (of_parent()) return;
  const std::lock_guard lock(mutex_);
  Move(kPipe);
}

void OutputKeeper::Watch(std::function<void()> look) {
  if (of_parent()) return;
  const std::lock_guard lock(mutex_);
  look_ = std::move(look);
}

bool OutputKeeper::Move(size_t most) {
  char buffer[kChunk];
  while (most > 0) {
    const ssize_t got = read(output_.get(), buffer, std::min(most, sizeof(buffer)));
    if (got == 0) return false;
    if (got < 0) return errno == EINTR || errno == EAGAIN;
    Keep(buffer, static_cast<size_t>(got));
    most -= static_cast<size_t>(got);
  }
  return true;
}

void OutputKeeper::Keep(const char* bytes, size_t size) {
  if (without_holes_) return;
  while (size > 0) {
    const ssize_t put = pwrite(file_.get(), bytes, size, static_cast<off_t>(size_));
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return;  // the disk is full: what follows is lost
    bytes += put;
    size -= static_cast<size_t>(put);
    size_ += static_cast<uintmax_t>(put);
  }
  if (size_ < hole_end_ + 2 * kTail) return;
  const uintmax_t end = (size_ - kTail) / kPage * kPage;
  without_holes_ =
      fallocate(file_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                static_cast<off_t>(hole_end_), static_cast<off_t>(end - hole_end_)) != 0;
  hole_end_ = end;
}

std::string ReadOutput(const std::string& path, uintmax_t start, uintmax_t* end) {
  std::error_code missing;
  const uintmax_t size = std::filesystem::file_size(path, missing);
  if (missing || size <= start) return {};
  *end = size;
  std::ifstream stream(path, std::ios::binary);
  const auto read = [&](uintmax_t from, uintmax_t to) {
    std::string text(to - from, '\0');
    stream.clear();
    stream.seekg(static_cast<std::streamoff>(from));
    stream.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<size_t>(stream.gcount()));
    return text;
  };
  constexpr uintmax_t kHead = OutputKeeper::kHead;
  const uintmax_t tail = size - std::min(size, OutputKeeper::kTail);
  const uintmax_t head = std::max(start, kHead);
  if (tail <= head) return read(start, size);
  return (start < kHead ? read(start, kHead) : "") + "\n… " + std::to_string(tail - head) +
         " bytes left out …\n" + read(tail, size);
}

}  // namespace resprobe::live
