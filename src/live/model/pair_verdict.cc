#include "live/model/pair_verdict.h"

#include <utility>

namespace resprobe::live {

void PairVerdict::Begin() {
  Clear();
  session_.clear();
  ++counts_.cases;
}

void PairVerdict::Clear() {
  difference_.reset();
  given_up_ = false;
}

void PairVerdict::Note(std::string line, std::string command) {
  session_.push_back(std::move(line));
  command_ = std::move(command);
}

PairDifference& PairVerdict::Differ(std::string kind) {
  if (difference_) return *difference_;
  PairDifference& difference = difference_.emplace();
  difference.kind = std::move(kind);
  difference.command = command_;
  if (!session_.empty()) difference.request = session_.back();
  difference.session = session_;
  return difference;
}

PairDifference& PairVerdict::DifferFatally(std::string kind) {
  PairDifference& difference = Differ(std::move(kind));
  difference.fatal = true;
  return difference;
}

void PairVerdict::GiveUp(std::string_view why) {
  ++counts_.left_out[std::string(why) + ": the rest of the case"];
  given_up_ = true;
}

void PairVerdict::ServerFailed() {
  if (difference_) {
    difference_->fatal = true;
    return;
  }
  const ServerEnd end = target_->FindEnd(hang_ms_);
  // Unknown; or waiting for a new process was stopped, which ends that process.
  if (target_->stop()() && (!end.ended || given_up_)) {
    given_up_ = true;
    return;
  }
  PairDifference& difference = DifferFatally(end.Text());
  difference.where = "the server";
  difference.model = "goes on";
  difference.server = "does not";
}

}  // namespace resprobe::live
