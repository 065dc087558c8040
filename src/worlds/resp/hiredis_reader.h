#ifndef RESPROBE_WORLDS_RESP_HIREDIS_READER_H_
#define RESPROBE_WORLDS_RESP_HIREDIS_READER_H_

// hiredis's redisReader behind the interface that the harness resp_differential expects. Works with
// any version of hiredis from 0.14 on; the version is determined from its headers at compile time.
// (1.0 fails an assertion at a null inside a push.)

// Include this before hiredis.h, which includes it in some versions without the extern "C" that it
// needs.
extern "C" {
#include <hiredis/sds.h>
}

#include <hiredis/hiredis.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "worlds/resp/known_differences.h"

namespace resprobe {

inline constexpr int kHiredisVersion = HiredisVersion(HIREDIS_MAJOR, HIREDIS_MINOR, HIREDIS_PATCH);

class HiredisReader {
 public:
  // hiredis allocates eight bytes for each element that a header announces, before any has arrived.
  // An array of more elements (a map of more pairs) is refused, so that a header cannot exhaust
  // memory; the core is given the same limit.
  static constexpr size_t kMaxElements = 1024;

  HiredisReader() = default;
  HiredisReader(const HiredisReader&) = delete;
  HiredisReader& operator=(const HiredisReader&) = delete;
  ~HiredisReader() { Close(); }

  // Equivalent to creating a new reader, which would take a dozen allocations, most of the cost of
  // a run. Sets what redisReaderCreate() sets; the reader's tasks restart with each reply.
  void Reset() {
    FreeReply();
    if (reader_ == nullptr) Create();
    if (reader_->reply != nullptr) functions_.freeObject(reader_->reply);
    reader_->reply = nullptr;
    reader_->ridx = -1;
    reader_->err = 0;
    reader_->errstr[0] = '\0';
    if (reader_->buf == nullptr) {  // after an error
      reader_->buf = sdsempty();
    } else {
      sdsclear(reader_->buf);
    }
    reader_->pos = 0;
    reader_->len = 0;
  }

  // The arguments of an inline request, as servers split it (sdssplitargs): false if its quotes are
  // not balanced. The line must hold no NUL.
  bool Split(std::string_view line, std::vector<std::string>* args) {
    args->clear();
    int count = 0;
    sds* const split = sdssplitargs(std::string(line).c_str(), &count);
    if (split == nullptr) return false;
    for (int i = 0; i < count; ++i) args->emplace_back(split[i], sdslen(split[i]));
    sdsfreesplitres(split, count);
    return true;
  }

  void Feed(std::string_view bytes) { redisReaderFeed(reader_, bytes.data(), bytes.size()); }

  // Sets `*reply` to the next reply of the input. The reader owns it; it is valid until the next
  // call of Next() or Reset().
  Outcome Next(const redisReply** reply) {
    FreeReply();
    void* next = nullptr;
    if (redisReaderGetReply(reader_, &next) != REDIS_OK) return Outcome::kError;
    reply_ = static_cast<redisReply*>(next);
    *reply = reply_;
    return reply_ == nullptr ? Outcome::kNeedMore : Outcome::kValue;
  }

  // Input bytes after the replies returned so far.
  size_t unread() const { return reader_->len - reader_->pos; }
  std::string_view error() const { return reader_->errstr; }

 private:
#if HIREDIS_MAJOR >= 1
  using Count = size_t;
#else
  using Count = int;
#endif

  static void* CreateArray(const redisReadTask* task, Count elements) {
    size_t most = kMaxElements;
#if HIREDIS_MAJOR >= 1
    if (task->type == REDIS_REPLY_MAP || task->type == REDIS_REPLY_ATTR) most *= 2;
#endif
    if (static_cast<size_t>(elements) > most) return nullptr;
    return create_array_(task, elements);
  }

  void Create() {
    reader_ = redisReaderCreate();
    if (reader_ == nullptr) std::abort();
    functions_ = *reader_->fn;
    create_array_ = functions_.createArray;
    functions_.createArray = CreateArray;
    reader_->fn = &functions_;
  }
  void FreeReply() {
    if (reply_ != nullptr) freeReplyObject(reply_);
    reply_ = nullptr;
  }
  void Close() {
    FreeReply();
    if (reader_ != nullptr) redisReaderFree(reader_);
    reader_ = nullptr;
  }

  static inline decltype(redisReplyObjectFunctions::createArray) create_array_ = nullptr;

  redisReader* reader_ = nullptr;
  redisReplyObjectFunctions functions_ = {};
  redisReply* reply_ = nullptr;
};

}  // namespace resprobe

#endif  // RESPROBE_WORLDS_RESP_HIREDIS_READER_H_
