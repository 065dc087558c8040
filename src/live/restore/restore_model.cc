#include "live/restore/restore_model.h"

#include <string>

#include "core/persistence/rdb.h"

namespace resprobe::live {
namespace {

constexpr std::string_view kFooter = "ERR DUMP payload version or checksum are wrong";
constexpr std::string_view kValue = "ERR Bad data format";
constexpr std::string_view kKey = "k";

}  // namespace

RestoreModel::RestoreModel(Profile profile) : profile_(profile), keyspace_(1) {}

RestoreModel::Verdict RestoreModel::Judge(std::string_view payload, bool sanitize) {
  if (!DumpPayloadFits(payload, profile_)) return {.known = true, .error = kFooter};
  const RdbReadOptions options = {.profile = profile_, .deep = sanitize};
  const RdbResult result = ReadDumpPayload(payload, options, 0, kKey, &keyspace_);
  if (result.ok()) {
    keyspace_.Remove(0, kKey);
    return {.known = true};
  }
  if (result.error == RdbError::kUnsupported) return {};
  // A blob that is not checked counts as many entries as its header says; the core reads them.
  if (result.error == RdbError::kEmptyKey && !sanitize) return {};
  Verdict verdict = {.known = true, .error = kValue};
  verdict.reason = *reasons_.insert(result.text).first;
  return verdict;
}

}  // namespace resprobe::live
