#include "live/oracle/oracle_verdict.h"

#include <algorithm>
#include <utility>

#include "core/table/command.h"
#include "engine/quote.h"

namespace resprobe::live {

void OracleVerdict::Restart() {
  difference_.reset();
  given_up_ = false;
  target_->NewReport();  // discard earlier reports
  logged_ = log_->case_number();
}

void OracleVerdict::Keep(const Difference& difference, bool fatal) {
  difference_ = difference;
  difference_->fatal = difference_->fatal || fatal;
}

void OracleVerdict::Differ(size_t asked, std::string kind, std::string core, std::string server,
                           std::string command) {
  if (difference_) return;
  Difference& d = difference_.emplace();
  d.suspects = std::max<uint64_t>(unsettled(), 1);
  if (!log_->empty()) {
    const Asked& a = log_->At(asked);
    d.op = a.op;
    d.request = WordsLine(a.args);
    d.cases_ago = log_->case_number() - a.case_number;
    if (command.empty()) {
      command = a.command != nullptr ? std::string(a.command->full_name()) : "unknown command";
    }
    if (a.part == Asked::Part::kState) command = "state: " + command;
    for (size_t i = log_->first(); i <= asked; ++i) {
      const Asked& before = log_->At(i);
      if (before.case_number != a.case_number) continue;
      const std::string who =
          before.client == kOracleControl ? "oracle" : std::to_string(before.client);
      d.session.push_back(who + "> " + WordsLine(before.args));
    }
  }
  d.command = std::move(command);
  d.kind = std::move(kind);
  d.core = std::move(core);
  d.server = std::move(server);
}

void OracleVerdict::DifferAtEnd(const OracleClient& client, std::string kind, std::string core,
                                std::string server) {
  const size_t asked = !client.silent.empty()              ? client.silent.front()
                       : client.connection->chunks.empty() ? log_->last()
                                                           : client.connection->chunks.back().asked;
  Differ(asked, std::move(kind), std::move(core), std::move(server));
}

void OracleVerdict::ServerFailed() {
  if (!going()) return;
  const ServerEnd end = target_->FindEnd(hang_ms_);
  if (!end.ended && target_->stop()()) {
    given_up_ = true;
    return;
  }
  Differ(log_->last(), end.Text(), "goes on", "does not", end.command);
  difference_->fatal = true;
}

void OracleVerdict::CheckLog() {
  const std::optional<CrashReport> report = target_->NewReport();
  const uint64_t since = log_->case_number() - std::exchange(logged_, log_->case_number());
  if (!report || difference_) return;
  Differ(log_->last(), "crash report: " + report->Text(), "nothing to say", "a crash report",
         report->command);
  difference_->fatal = true;
  difference_->suspects = std::max(difference_->suspects, since);
}

}  // namespace resprobe::live
