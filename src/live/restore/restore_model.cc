#include "live/restore/restore_model.h"

#include "core/persistence/rdb.h"
#include "core/resp/writer.h"

namespace resprobe::live {
namespace {

constexpr std::string_view kKey = "k";
constexpr std::string_view kDone = "+OK\r\n";
constexpr std::string_view kBadValue = "ERR Bad data format";

}  // namespace

RestoreModel::RestoreModel(Profile profile)
    : profile_(profile), server_(std::make_unique<Server>(ServerConfig{.profile = profile})) {
  client_ = server_->Connect();
}

std::string_view RestoreModel::Keep(std::string_view text) {
  auto at = texts_.find(text);
  if (at == texts_.end()) at = texts_.emplace(text).first;
  return *at;
}

RestoreModel::Verdict RestoreModel::Judge(std::string_view payload, bool sanitize) {
  const SanitizeDump wanted = sanitize ? SanitizeDump::kYes : SanitizeDump::kNo;
  if (server_->config().persistence.sanitize_dump_payload != wanted) {
    ServerConfig config = server_->config();
    config.persistence.sanitize_dump_payload = wanted;
    server_->Configure(config);
  }
  request_.clear();
  const std::string_view words[] = {"RESTORE", kKey, "0", payload, "REPLACE"};
  resp::AppendRequest(&request_, words);
  server_->Receive(client_, request_);
  std::string& output = server_->Output(client_);
  Verdict verdict = {.known = true};
  if (output != kDone) {
    std::string_view error = output;
    error.remove_prefix(error.starts_with('-') ? 1 : 0);
    verdict.error = Keep(error.substr(0, error.find('\r')));
  }
  output.clear();
  if (verdict.error != kBadValue) return verdict;
  // Why: the reader says it.
  const RdbReadOptions options = {.profile = profile_, .deep = sanitize};
  const RdbResult result = ReadDumpPayload(payload, options, 0, kKey, &keyspace_);
  if (result.ok()) {
    keyspace_.Remove(0, kKey);
    return verdict;
  }
  if (result.error == RdbError::kUnsupported) return {};
  // A blob that is not checked counts as many entries as its header says; the core reads them.
  if (result.error == RdbError::kEmptyKey && !sanitize) return {};
  verdict.reason = Keep(result.text);
  return verdict;
}

}  // namespace resprobe::live
