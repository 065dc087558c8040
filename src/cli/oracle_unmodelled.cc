// oracle --unmodelled: hostile calls of commands that the core does not have, on a server that is
// watched.

#include <algorithm>
#include <cstdio>
#include <deque>
#include <map>
#include <set>

#include "cli/call_server.h"
#include "cli/process.h"
#include "cli/user_error.h"
#include "engine/ops_text.h"
#include "live/unmodelled_generate.h"

namespace resprobe::cli {
namespace {

constexpr double kSecondsPerLine = 10;
constexpr size_t kCandidates = 3000;
constexpr double kShrinkSeconds = 120;
// A fault that one case alone does not show may need those before it.
constexpr size_t kRemembered = 16;

// A kind of fault, with the smallest case that shows it.
struct Found {
  live::Fault fault;
  std::string from;
  uint64_t met = 0;
  size_t ops_before = 0;
  size_t ops_after = 0;
  size_t candidates = 0;
  size_t cases = 1;    // that it takes
  bool again = false;  // it showed again on a fresh server
  bool known = false;
  fs::path folder;
};

class CallRunner {
 public:
  explicit CallRunner(const CallVerbOptions& options)
      : options_(options),
        project_(OpenProject()),
        server_(options.server),
        calls_(&server_.table(), {.ops = options.cases.ops,
                                  .groups = options.cases.groups,
                                  .protocol = options.cases.protocol,
                                  .own = server_.target().own(),
                                  .dangerous = options.server.dangerous}),
        out_(options.output.text_on_stdout() ? stdout : stderr) {
    std::set<std::string> groups;
    for (const live::DocCommand& command : server_.table().commands) {
      if (!command.modelled) groups.insert(command.group);
    }
    for (const std::string& group : options.cases.groups) {
      if (groups.contains(group)) continue;
      std::string all;
      for (const std::string& name : groups) all += (all.empty() ? "" : ", ") + name;
      throw UserError("--groups: the core has all of '" + group +
                      "' that the server has, or there is no such group: use some of " + all);
    }
    if (calls_.callable().empty()) {
      throw UserError("there is nothing to call: all that the core does not have is never sent");
    }
  }

  int Run() {
    std::fprintf(out_, "%s, seed %llu: %zu commands that the core does not have, %zu never sent\n",
                 server_.target().version().c_str(),
                 static_cast<unsigned long long>(options_.cases.seed),
                 calls_.callable().size() + calls_.denied(), calls_.denied());
    start_ = Now();
    double next_line = start_ + kSecondsPerLine;
    Arena arena;
    CommandCase c;
    for (uint64_t i = 0; (options_.seeds == 0 || i < options_.seeds) && !Interrupted(); ++i) {
      if (options_.seconds > 0 && Seconds() >= options_.seconds) break;
      arena.Reset();
      const uint64_t seed = options_.cases.seed + i;
      calls_.Generate(seed, &arena, &c);
      Remember(c);
      const uint64_t restarts = server_.counts().restarts;
      std::optional<live::Fault> fault = server_.Run(c);
      if (server_.counts().restarts != restarts) {
        history_.erase(history_.begin(), history_.end() - 1);
      }
      if (fault) {
        Add(*std::move(fault), c, "seed " + std::to_string(seed));
        if (!server_.target().own() && found_.rbegin()->second.fault.fatal()) {
          std::fprintf(out_, "the server is not ours to restart: the run ends\n");
          break;
        }
      }
      if (Now() >= next_line) {
        std::fprintf(out_, "%s\n", Line().c_str());
        std::fflush(out_);
        next_line = Now() + kSecondsPerLine;
      }
    }
    Sum();
    if (options_.output.json()) options_.output.Write(Report());
    if (Interrupted()) return kInterrupted;
    return found_.empty() ? kAllWell : kFinding;
  }

 private:
  double Seconds() const { return Now() - start_ - shrinking_; }
  // Those of shrinking are left out.
  uint64_t requests() const { return server_.counts().requests - shrinking_requests_; }
  uint64_t cases() const { return server_.counts().cases - shrinking_cases_; }

  std::string Line() const {
    const double seconds = Seconds();
    char rest[80];
    std::snprintf(
        rest, sizeof(rest), "%.0f s, %s/s", seconds,
        Grouped(static_cast<uint64_t>(static_cast<double>(requests()) / std::max(seconds, 0.001)))
            .c_str());
    return Grouped(cases()) + " cases, " + Grouped(requests()) + " calls, " +
           std::to_string(found_.size()) + " findings, " + rest;
  }

  void Remember(const CommandCase& c) {
    history_.push_back(TapeOf(c));
    if (history_.size() > kRemembered) history_.pop_front();
  }

  // The last `count` cases as one.
  void Join(size_t count, Arena* arena, CommandCase* out) const {
    out->ops.clear();
    for (size_t i = history_.size() - count; i < history_.size(); ++i) {
      const std::string_view tape = arena->Copy(history_[i]);
      CommandCase one;
      Decode({reinterpret_cast<const uint8_t*>(tape.data()), tape.size()}, arena, &one);
      out->config = one.config;
      out->ops.insert(out->ops.end(), one.ops.begin(), one.ops.end());
    }
  }

  void Add(live::Fault fault, const CommandCase& c, const std::string& from) {
    const std::string first_look = fault.Signature();
    if (const auto same = same_.find(first_look); same != same_.end()) {
      ++found_[same->second].met;
      return;
    }
    const double start = Now();
    const live::CallCounts& counts = server_.counts();
    const uint64_t requests = counts.requests;
    const uint64_t cases = counts.cases;
    Found found;
    found.from = from;
    found.met = 1;
    found.ops_before = c.ops.size();
    const std::string original = TapeOf(c);
    Arena arena;
    CommandCase small;
    for (size_t joined = 1; !found.again && joined <= history_.size(); joined *= 2) {
      Join(joined, &arena, &small);
      const CallServer::Shrunk shrunk =
          server_.Shrink(kCandidates, kShrinkSeconds, &arena, &small, &fault);
      found.candidates += shrunk.candidates;
      found.again = shrunk.again;
      found.cases = joined;
    }
    if (!found.again) {
      Join(1, &arena, &small);
      found.cases = 1;
    }
    found.ops_after = small.ops.size();
    const std::string signature = fault.Signature();
    same_[first_look] = signature;
    if (const auto there = found_.find(signature); there != found_.end()) {
      ++there->second.met;
    } else {
      found.fault = std::move(fault);
      File(signature, original, small, &found);
      found_[signature] = std::move(found);
    }
    history_.clear();
    shrinking_ += Now() - start;
    shrinking_requests_ += counts.requests - requests;
    shrinking_cases_ += counts.cases - cases;
  }

  void File(const std::string& signature, const std::string& original, const CommandCase& small,
            Found* found) {
    const std::string version = server_.target().version();
    found->folder = project_.work / "findings" / "command_handler" /
                    ("unmodelled-" + Slug(version) + "-" + Slug(signature));
    std::error_code ignored;
    found->known = fs::exists(found->folder / "case", ignored);
    MakeFolder(found->folder);
    WriteFile(found->folder / "original", original);
    WriteFile(found->folder / "case", TapeOf(small));
    WriteFile(found->folder / "case.ops", Print(small));
    WriteFile(found->folder / "redis-cli.txt", Session(found->fault.session));
    WriteFile(found->folder / "server.log", found->fault.log);
    WriteFile(found->folder / "report.json", ToJson(signature, *found).dump(2) + "\n");
    std::fprintf(out_, "finding: %s%s\n%s", signature.c_str(),
                 found->known ? "  (known from an earlier run)" : "", Text(*found).c_str());
    std::fflush(out_);
  }

  std::string Replay(const Found& found) const {
    return "./resprobe replay " + project_.Shown(found.folder / "case.ops") + " " +
           options_.server.Typed();
  }

  std::string Text(const Found& found) const {
    std::string text = "  from:      " + found.from + ", " + std::to_string(found.ops_before) +
                       " -> " + std::to_string(found.ops_after) + " ops, " +
                       std::to_string(found.candidates) + " servers\n";
    if (!found.again) {
      text += "  alone, on a fresh server, the case does not show it: it is kept as it was met\n";
    } else if (found.cases > 1) {
      text +=
          "  it takes what " + std::to_string(found.cases) + " cases did, one after the other\n";
    }
    return text + Describe(found.fault) + "  folder:    " + project_.Shown(found.folder) +
           "\n  replay:    " + Replay(found) + "\n";
  }

  Json ToJson(const std::string& signature, const Found& found) const {
    Json json = cli::ToJson(found.fault);
    json["signature"] = JsonText(signature);
    json["harness"] = "command_handler";
    json["server"] = const_cast<CallServer&>(server_).target().version();
    json["from"] = found.from;
    json["met"] = found.met;
    json["known"] = found.known;
    json["reproduced"] = found.again;
    json["size"] = {{"ops_before", found.ops_before},
                    {"ops_after", found.ops_after},
                    {"candidates", found.candidates}};
    json["folder"] = project_.Shown(found.folder);
    json["replay"] = Replay(found);
    return json;
  }

  size_t Accepted() const {
    return static_cast<size_t>(
        std::count_if(calls_.callable().begin(), calls_.callable().end(), [&](const auto* command) {
          const auto at = server_.counts().commands.find(command->full_name);
          return at != server_.counts().commands.end() && at->second.accepted > 0;
        }));
  }
  size_t Called() const {
    return static_cast<size_t>(
        std::count_if(calls_.callable().begin(), calls_.callable().end(), [&](const auto* command) {
          return server_.counts().commands.contains(command->full_name);
        }));
  }

  void Sum() const {
    std::fprintf(out_, "%s\n", Line().c_str());
    std::fprintf(
        out_,
        "%zu of %zu commands that the core does not have were called, %zu of them at least "
        "once without an error; the server was started %s times\n",
        Called(), calls_.callable().size(), Accepted(),
        Grouped(1 + server_.counts().restarts).c_str());
    uint64_t denied = 0;
    for (const auto& [reason, count] : server_.counts().left_out) denied += count;
    std::fprintf(out_, "calls that are never sent: %s\n", Grouped(denied).c_str());
    std::fprintf(out_, "%zu finding%s\n", found_.size(), found_.size() == 1 ? "" : "s");
    for (const auto& [signature, found] : found_) {
      std::fprintf(out_, "  %s, met %llu time%s: %s\n", signature.c_str(),
                   static_cast<unsigned long long>(found.met), found.met == 1 ? "" : "s",
                   project_.Shown(found.folder).c_str());
    }
  }

  Json Report() {
    const live::CallCounts& counts = server_.counts();
    Json json = {{"server", server_.target().version()},
                 {"unmodelled", true},
                 {"seed", options_.cases.seed},
                 {"cases", cases()},
                 {"calls", requests()},
                 {"seconds", Seconds()},
                 {"restarts", counts.restarts},
                 {"interrupted", Interrupted()},
                 {"commands", Json::object()},
                 {"left_out", Json::object()},
                 {"findings", Json::array()}};
    for (const live::DocCommand* command : calls_.callable()) {
      const auto at = counts.commands.find(command->full_name);
      const live::CallCount count = at == counts.commands.end() ? live::CallCount() : at->second;
      json["commands"][command->full_name] = {{"called", count.called},
                                              {"accepted", count.accepted}};
    }
    for (const auto& [reason, count] : counts.left_out) json["left_out"][reason] = count;
    for (const auto& [signature, found] : found_) {
      json["findings"].push_back(ToJson(signature, found));
    }
    return json;
  }

  const CallVerbOptions& options_;
  Project project_;
  CallServer server_;
  live::CallGenerator calls_;
  std::FILE* out_;
  std::map<std::string, Found> found_;       // by the signature of the smallest case
  std::map<std::string, std::string> same_;  // from that of the first look at it
  std::deque<std::string> history_;          // the last cases since the server was started
  double start_ = 0;
  double shrinking_ = 0;
  uint64_t shrinking_requests_ = 0;
  uint64_t shrinking_cases_ = 0;
};

}  // namespace

int CallUnmodelled(const CallVerbOptions& options) { return CallRunner(options).Run(); }

}  // namespace resprobe::cli
