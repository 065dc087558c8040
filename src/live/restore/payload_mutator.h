#ifndef RESPROBE_LIVE_RESTORE_PAYLOAD_MUTATOR_H_
#define RESPROBE_LIVE_RESTORE_PAYLOAD_MUTATOR_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "engine/rng.h"
#include "live/restore/payload.h"

namespace resprobe::live {

// Makes broken values of good ones. What it changes: a length, an entry of a packed blob (its
// content, encoding, back length, count, order, number), the encoding of a string, the type of the
// value, a part of it, or any byte.
class PayloadMutator {
 public:
  // `values`: as servers dump them, without footers. Values in the encodings of earlier versions
  // are derived from them.
  explicit PayloadMutator(const std::vector<std::string>& values);

  // A value, seldom unchanged. There must be one.
  std::string Make(Rng& rng) const;
  // A string that is read as something else, with a few bytes changed.
  static std::string MutateString(Rng& rng, std::string_view text);

  // All values that it begins with.
  const std::vector<PayloadValue>& values() const { return values_; }

 private:
  void Change(Rng& rng, PayloadValue* value) const;
  void ChangeString(Rng& rng, PayloadPart* part) const;
  void Splice(Rng& rng, PayloadValue* value) const;
  void AddOldForms(const PayloadValue& value);

  std::vector<PayloadValue> values_;
};

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_RESTORE_PAYLOAD_MUTATOR_H_
