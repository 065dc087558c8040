#include "engine/run_context.h"

#include <utility>

#include "engine/quote.h"

namespace resprobe {
namespace {

constexpr uint64_t kFnvPrime = 0x100000001b3;

uint64_t Hash(uint64_t hash, std::string_view bytes) {
  for (const char c : bytes) hash = (hash ^ static_cast<uint8_t>(c)) * kFnvPrime;
  return (hash ^ '\n') * kFnvPrime;
}

}  // namespace

void Trace::Line(std::string_view line) {
  if (mode_ == Mode::kOff) return;
  hash_ = Hash(hash_, line);
  if (mode_ == Mode::kText) {
    text_ += line;
    text_ += '\n';
  }
}

void Trace::Data(std::string_view label, std::string_view bytes) {
  if (mode_ == Mode::kOff) return;
  hash_ = Hash(Hash(hash_, label), bytes);
  if (mode_ == Mode::kText) {
    text_ += label;
    text_ += ' ';
    AppendQuoted(&text_, bytes);
    text_ += '\n';
  }
}

void Trace::Reset() {
  hash_ = kSeed;
  text_.clear();
}

void RunContext::Fail(std::string_view invariant, std::string expected, std::string seen) {
  if (violated_) return;
  violated_ = true;
  violation_ = {std::string(invariant), op_, std::move(expected), std::move(seen)};
  if (trace_.on()) {
    trace_.Line("violation " + violation_.invariant);
    trace_.Line("  expected " + violation_.expected);
    trace_.Line("  seen     " + violation_.seen);
  }
}

void RunContext::Reset() {
  trace_.Reset();
  op_ = 0;
  if (violated_) {
    violated_ = false;
    violation_ = {};
  }
}

}  // namespace resprobe
