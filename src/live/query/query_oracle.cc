#include "live/query/query_oracle.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "core/query/lexer.h"
#include "core/query/options.h"
#include "core/resp/reply.h"
#include "core/table/letter_case.h"
#include "engine/quote.h"
#include "live/oracle/oracle_requests.h"
#include "worlds/query/query_tape.h"

namespace resprobe::live {
namespace {

constexpr const char* kIndex = "resprobe:query";
constexpr int kFirstVersion = 10200;  // 1.2.0; MODULE LIST says 10200 for every 1.2
constexpr int kVersionUnit = 100;

std::string_view TypeName(FieldType type) {
  constexpr std::string_view kNames[] = {"TEXT", "NUMERIC", "TAG", "GEO"};
  return kNames[static_cast<size_t>(type)];
}

std::vector<std::vector<std::string>> Setup() {
  std::vector<std::string> create = {"FT.CREATE", kIndex, "SCHEMA"};
  for (const SearchField& field : SearchSchema()) {
    create.emplace_back(field.name);
    create.emplace_back(TypeName(field.type));
  }
  std::vector<std::vector<std::string>> requests = {std::move(create)};
  // A few documents, so that searching reads every kind of index.
  constexpr std::string_view kTitles[] = {"hello world foo", "foo bar the world", "a b c"};
  for (size_t i = 0; i < std::size(kTitles); ++i) {
    const std::string number = std::to_string(i);
    requests.push_back({"FT.ADD",
                        kIndex,
                        "resprobe:" + number,
                        "1.0",
                        "FIELDS",
                        "title",
                        std::string(kTitles[i]),
                        "body",
                        "hello bar 2020",
                        "t",
                        "foo",
                        "a-b",
                        "x",
                        "as",
                        "y",
                        "n",
                        number,
                        "tag",
                        "foo,bar",
                        "loc",
                        "1.5," + number});
  }
  return requests;
}

// The first word of a line of a tree: "INTERSECT", "token".
std::string HeadOf(std::string_view line) {
  line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
  if (line.empty()) return "nothing";
  std::string fields;
  if (line.front() == '@') {
    const size_t colon = std::min(line.find(':'), line.size() - 1);
    fields = line.substr(0, colon) == "@NULL" ? "no field: " : "fields: ";
    line.remove_prefix(colon + 1);
  }
  constexpr std::string_view kHeads[] = {"INTERSECT",  "EXACT",     "UNION", "NOT",  "OPTIONAL",
                                         "PREFIX{",    "NUMERIC {", "GEO ",  "TAG:", "FUZZY{",
                                         "<WILDCARD>", "NULL",      "}"};
  for (const std::string_view head : kHeads) {
    if (!line.starts_with(head)) continue;
    std::string name(head);
    while (!name.empty() && (name.back() == '{' || name.back() == ' ' || name.back() == ':')) {
      name.pop_back();
    }
    const bool has_attributes = line.find("} => {") != line.npos;
    return fields + name + (has_attributes ? " with attributes" : "");
  }
  return fields + (line.find(" => {") == line.npos ? "word" : "word with attributes");
}

// "INTERSECT, server UNION": the first lines that differ.
std::string TreeCause(std::string_view expected, std::string_view seen) {
  while (!expected.empty() || !seen.empty()) {
    const auto take = [](std::string_view* text) {
      const size_t end = std::min(text->find('\n'), text->size());
      const std::string_view line = text->substr(0, end);
      text->remove_prefix(std::min(end + 1, text->size()));
      return line;
    };
    const std::string_view ours = take(&expected);
    const std::string_view theirs = take(&seen);
    if (ours != theirs) return HeadOf(ours) + ", server " + HeadOf(theirs);
  }
  return "the same";
}

// The kind of token at which the server reports a syntax error, or its other error.
std::string RefusalCause(std::string_view error, std::string_view query) {
  constexpr std::string_view kSyntax = "Syntax error at offset ";
  if (!error.starts_with(kSyntax)) return std::string(error.substr(0, error.find_first_of("'`")));
  const size_t offset =
      std::strtoull(std::string(error.substr(kSyntax.size())).c_str(), nullptr, 10);
  constexpr size_t kPadding = 16;
  std::string padded(query);
  padded.append(kPadding, '\0');
  query::Lexer lexer(padded.data(), static_cast<uint32_t>(query.size()), query::Dialect::k1);
  while (lexer.token.kind != query::Tok::kEnd && lexer.token.end <= offset) lexer.Next();
  return std::string("at ") + query::NameOf(lexer.token.kind);
}

}  // namespace

std::string QueryFailure::Signature() const {
  constexpr std::string_view kNames[] = {
      "server has ended",   "server hangs",       "memory",       "crash report",
      "the server accepts", "the server refuses", "another tree", "FT.EXPLAIN and FT.SEARCH differ",
      "no answer"};
  const std::string name(kNames[static_cast<size_t>(kind)]);
  return cause.empty() ? name : name + ": " + cause;
}

QueryOracle::QueryOracle(LiveServer* target, QueryOracleOptions options)
    : target_(target), options_(std::move(options)) {}

bool QueryOracle::Prepare(bool fresh, std::string* error) {
  stale_ = true;
  if (target_->own() && (fresh || (failure_ && failure_->fatal()))) {
    if (!target_->Restart(error)) return false;
    ++counts_.restarts;
  }
  failure_.reset();
  target_->NewReport();  // discards older reports
  UniqueFd fd = target_->Connect(error);
  if (!fd.valid()) return false;
  link_.Use(std::move(fd), options_.hang_ms, options_.stop);
  replies_.Reset();
  if (version_.empty() && !ReadVersion(error)) return false;
  Answer answer;
  if (!Ask({"FT.DROP", kIndex}, &answer)) {
    *error = "the server does not answer FT.DROP";
    return false;
  }
  for (const std::vector<std::string>& request : Setup()) {
    if (!Ask(request, &answer) || answer.refused) {
      *error = "the server does not accept " + WordsLine(request) + ": " + answer.text;
      return false;
    }
  }
  stale_ = false;
  return true;
}

bool QueryOracle::ReadVersion(std::string* error) {
  const std::string how =
      ": load it, such as --start 'redis-server --loadmodule …/redisearch.so' (package "
      "redis-redisearch of Debian 12)";
  AppendWire(&link_.out(), {"MODULE", "LIST"});
  link_.Send();
  for (;;) {
    const resp::ReplyParser::Result result = replies_.Parse(link_.in());
    link_.Take(result.consumed);
    if (result.status == resp::ReplyParser::Status::kValue) break;
    if (result.status == resp::ReplyParser::Status::kError ||
        link_.Read(options_.hang_ms) != RespConnection::Got::kBytes) {
      *error = "the server does not answer MODULE LIST" + how;
      return false;
    }
  }
  for (const resp::ReplyView module : replies_.reply().root()) {
    std::string name;
    int64_t version = 0;
    for (size_t i = 0; i + 1 < module.size(); i += 2) {
      if (module[i].text() == "name") name = module[i + 1].text();
      if (module[i].text() == "ver") version = module[i + 1].integer();
    }
    if (name != "ft" && name != "search") continue;
    const auto part = [](int64_t number) { return std::to_string(number % kVersionUnit); };
    version_ = "search " + std::to_string(version / kVersionUnit / kVersionUnit) + "." +
               part(version / kVersionUnit) + "." + part(version);
    if (version / kVersionUnit == kFirstVersion / kVersionUnit) return true;
    *error = "there is no profile for " + version_ + ": only for RediSearch 1.2" + how;
    return false;
  }
  *error = "the server has no RediSearch" + how;
  return false;
}

void QueryOracle::Close() {
  Answer ignored;
  if (!stale_) Ask({"FT.DROP", kIndex}, &ignored);
}

std::optional<QueryFailure> QueryOracle::Run(Bytes tape) {
  ++counts_.cases;
  failure_.reset();
  const QueryTape decoded = DecodeQueryTape(tape);
  const bool stopwords = decoded.options->stopwords != &query::Stopwords::None();
  // With stop words the trees cannot be compared, but the server must survive them.
  const bool as_words = stopwords && HasStopwords(decoded.query);
  if (as_words && Send(decoded.query, true, false)) return failure_;
  bool foreign_numbers = false;
  if (Send(decoded.query, stopwords && !as_words, true, &foreign_numbers)) return failure_;
  if (!foreign_numbers) return std::nullopt;
  return Send(WithPlainNumbers(decoded.query), stopwords && !as_words, true);
}

std::optional<QueryFailure> QueryOracle::Send(std::string_view query, bool stopwords, bool compare,
                                              bool* foreign_numbers) {
  std::vector<std::string> explain = {"FT.EXPLAIN", kIndex, std::string(query), "VERBATIM"};
  std::vector<std::string> search = {"FT.SEARCH", kIndex, std::string(query), "VERBATIM",
                                     "NOCONTENT"};
  if (!stopwords) explain.emplace_back("NOSTOPWORDS");
  if (!stopwords) search.emplace_back("NOSTOPWORDS");
  Answer tree;
  if (!Ask(explain, &tree)) return failure_;
  const std::vector<std::string> explained = request_;
  Answer found;
  if (!Ask(search, &found)) return failure_;
  if (target_->own()) {
    constexpr size_t kKilobytes = 1024;
    if (options_.memory_mb > 0 && target_->PeakKilobytes() / kKilobytes >= options_.memory_mb) {
      Fail(QueryFailure::Kind::kMemory, "");
      return failure_;
    }
    if (const std::optional<CrashReport> report = target_->NewReport()) {
      Fail(QueryFailure::Kind::kReport, report->Text());
      return failure_;
    }
  }
  // The server's copy of a query with a NUL is undefined.
  const bool has_nul = query.find('\0') != query.npos;
  if (tree.refused != found.refused && !has_nul) {
    Fail(QueryFailure::Kind::kExplain,
         tree.refused ? "only FT.SEARCH accepts" : "only FT.EXPLAIN accepts");
    failure_->expected = tree.text;
    failure_->seen = found.text;
    return failure_;
  }
  if (!compare) return std::nullopt;
  using Verdict = SearchExpectation::Verdict;
  const SearchExpectation expected = Expect(query, stopwords, &tree_);
  if (expected.rule != nullptr) ++counts_.rules[std::string(expected.rule->name)];
  if (expected.verdict == Verdict::kLeftOut) {
    if (foreign_numbers != nullptr) *foreign_numbers = expected.rule->name == "numbers";
    return std::nullopt;
  }
  request_ = explained;
  if (expected.verdict == Verdict::kRefused) {
    counts_.refusals += tree.refused;
    if (tree.refused) return std::nullopt;
    Fail(QueryFailure::Kind::kAccepted, expected.cause);
    failure_->expected = expected.error.empty() ? expected.cause : expected.error;
    failure_->seen = tree.text;
    return failure_;
  }
  if (tree.refused) {
    Fail(QueryFailure::Kind::kRefused, RefusalCause(tree.text, query));
  } else {
    ++counts_.trees;
    if (tree.text == expected.tree) return std::nullopt;
    Fail(QueryFailure::Kind::kTree, TreeCause(expected.tree, tree.text));
  }
  failure_->expected = expected.tree;
  failure_->seen = tree.text;
  return failure_;
}

bool QueryOracle::Ask(const std::vector<std::string>& words, Answer* answer) {
  request_ = words;
  ++counts_.requests;
  AppendWire(&link_.out(), words);
  link_.Send();
  for (;;) {
    const resp::ReplyParser::Result result = replies_.Parse(link_.in());
    link_.Take(result.consumed);
    if (result.status == resp::ReplyParser::Status::kError) {
      Fail(QueryFailure::Kind::kNoAnswer, replies_.error().message());
      stale_ = true;
      return false;
    }
    if (result.status == resp::ReplyParser::Status::kValue) break;
    if (link_.Read(options_.hang_ms) == RespConnection::Got::kBytes) continue;
    ServerGone();
    return false;
  }
  const resp::ReplyView reply = replies_.reply().root();
  answer->refused = reply.is_error();
  answer->text = reply.is_aggregate() ? "" : std::string(reply.text());
  return true;
}

void QueryOracle::ServerGone() {
  stale_ = true;
  link_.Drop();
  if (options_.stop()) {
    failure_.reset();
    return;
  }
  const ServerEnd end = target_->FindEnd(options_.hang_ms);
  const QueryFailure::Kind kind = end.out_of_memory ? QueryFailure::Kind::kMemory
                                  : end.ended       ? QueryFailure::Kind::kEnded
                                                    : QueryFailure::Kind::kHangs;
  const std::string command = LowerCase(request_[0]);
  Fail(kind, end.what.empty() || end.out_of_memory ? command : end.what + ": " + command);
}

void QueryOracle::Fail(QueryFailure::Kind kind, std::string cause) {
  QueryFailure& failure = failure_.emplace();
  failure.kind = kind;
  failure.cause = std::move(cause);
  failure.request = WordsLine(request_);
  for (const std::vector<std::string>& request : Setup()) {
    failure.session.push_back(WordsLine(request));
  }
  failure.session.push_back(failure.request);
  if (failure.is_fault()) failure.log = target_->Log();
  stale_ |= failure.fatal();
}

std::string WithSearchModule(const std::string& start) {
  const char* module = std::getenv("RESPROBE_REDISEARCH");
  if (module == nullptr || *module == '\0' || start.find("--loadmodule") != start.npos) {
    return start;
  }
  return start + " --loadmodule " + module;
}

std::string WithoutSearchModule(const std::string& start) {
  const char* module = std::getenv("RESPROBE_REDISEARCH");
  if (module == nullptr || *module == '\0') return start;
  const std::string loads = std::string(" --loadmodule ") + module;
  const size_t at = start.find(loads);
  if (at == start.npos) return start;
  const std::string rest = start.substr(at + loads.size());
  return rest.empty() || rest.front() == ' ' ? start.substr(0, at) + rest : start;
}

}  // namespace resprobe::live
