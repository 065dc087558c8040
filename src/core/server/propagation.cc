#include "core/server/propagation.h"

#include "core/keyspace/integers.h"
#include "core/resp/writer.h"
#include "core/table/table.h"

namespace resprobe {
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
  ForEach(receiver, framed, [&](int wanted, std::string_view request) {
    if (wanted != -1 && wanted != *db) {
      *db = wanted;
      char digits[24];
      const std::string_view words[] = {"SELECT", FormatInt64(wanted, digits)};
      resp::AppendRequest(out, words);
    }
    out->append(request);
  });
}

}  // namespace resprobe
