#include "core/server/propagation.h"

#include <algorithm>

#include "core/keyspace/integers.h"
#include "core/resp/writer.h"
#include "core/table/table.h"

namespace resprobe {
namespace {

constexpr std::string_view kMulti = "*1\r\n$5\r\nMULTI\r\n";
constexpr std::string_view kExec = "*1\r\n$4\r\nEXEC\r\n";

void Select(int db, int* selected, std::string* out) {
  if (db == *selected) return;
  *selected = db;
  char digits[24];
  const std::string_view words[] = {"SELECT", FormatInt64(db, digits)};
  resp::AppendRequest(out, words);
}

}  // namespace

void Propagation::Reset() {
  if (!records_) return;  // nothing has been recorded
  records_ = false;
  said_ = Said::kNothing;
  Clear();
}

void Propagation::Record(int db, bool for_file, std::span<const std::string_view> words) {
  resp::AppendRequest(&bytes_, words);
  effects_.push_back({db, for_file, bytes_.size()});
}

void Propagation::Instead(int db, std::span<const std::string_view> words) {
  said_ = Said::kReplaced;
  Record(db, /*for_file=*/true, words);
}

void Propagation::Deleted(int db, std::string_view key) {
  const std::string_view words[] = {deletion(), key};
  Record(db, /*for_file=*/true, words);
}

void Propagation::Ran(const CommandContext& command, bool changed) {
  const bool message = command.command.Has(kMayReplicate);
  const bool sent = said_ == Said::kNothing ? message || (changed && command.command.Has(kWrite))
                                            : said_ == Said::kAlways;
  said_ = Said::kNothing;
  if (sent) Record(command.db, !message, command.args);
}

void Propagation::AppendTo(Receiver receiver, bool framed, int* db, std::string* out) const {
  const auto takes = [receiver](const Effect& effect) {
    return receiver == Receiver::kReplicas || effect.for_file;
  };
  const bool frame = framed && effects_.size() > 1 && std::ranges::count_if(effects_, takes) > 1;
  if (frame) out->append(kMulti);
  size_t begin = 0;
  for (const Effect& effect : effects_) {
    if (takes(effect)) {
      Select(effect.db, db, out);
      out->append(bytes_, begin, effect.end - begin);
    }
    begin = effect.end;
  }
  if (frame) out->append(kExec);
}

}  // namespace resprobe
