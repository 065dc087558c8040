#include "engine/triage.h"

#include <algorithm>
#include <optional>

#include "engine/ops_text.h"

namespace resprobe {
namespace {

std::optional<std::string_view> After(std::string_view line, std::string_view mark) {
  const size_t at = line.find(mark);
  if (at == std::string_view::npos) return std::nullopt;
  return line.substr(at + mark.size());
}

std::string_view FirstWord(std::string_view text) {
  return text.substr(0, text.find_first_of(" \n,"));
}

// Frames of the sanitizers' and the C library's runtime, which do not identify the bug.
bool IsRuntime(std::string_view function) {
  constexpr std::string_view kPrefixes[] = {
      "__asan",           "__interceptor",   "__sanitizer", "__ubsan",       "__lsan",
      "operator new",     "operator delete", "malloc",      "free",          "realloc",
      "calloc",           "abort",           "raise",       "gsignal",       "__pthread_kill",
      "pthread_kill",     "fuzzer::",        "memcpy",      "memmove",       "memset",
      "memcmp",           "__libc",          "__GI_",       "_start",        "main",
      "LLVMFuzzer",       "std::",           "void std::",  "__assert_fail", "__gnu_cxx",
      "resprobe::driver", "__wrap_",         "kill",
  };
  for (const std::string_view prefix : kPrefixes) {
    if (function.starts_with(prefix)) return true;
  }
  return false;
}

// "    #1 0x55d in resprobe::Parse(int) /src/x.cc:3:1" -> "resprobe::Parse"; without symbols,
// "    #1 0x55d  (/bin/x+0x12f3)" -> "x+0x12f3".
std::string FrameName(std::string_view line) {
  if (const auto in = After(line, " in ")) {
    std::string_view name = *in;
    // The file starts after the last blank outside parentheses; the name ends before the parameter
    // list.
    size_t end = 0;
    int angle = 0;
    for (; end < name.size(); ++end) {
      const char c = name[end];
      if (c == '<') ++angle;
      if (c == '>') --angle;
      if (angle <= 0 && (c == '(' || c == ' ') && end > 0) {
        if (name.substr(0, end) == "operator" || name.substr(0, end) == "void" ||
            name.substr(end).starts_with("(anonymous")) {
          if (c == '(') end += std::string_view("(anonymous namespace)").size() - 1;
          continue;
        }
        break;
      }
    }
    return std::string(name.substr(0, end));
  }
  const size_t open = line.find('(');
  if (open == std::string_view::npos) return "";
  std::string_view module = line.substr(open + 1);
  module = module.substr(0, module.find(')'));
  const size_t slash = module.rfind('/');
  if (slash != std::string_view::npos) module.remove_prefix(slash + 1);
  // All that abort() passes through looks the same, whoever has called it.
  for (const std::string_view runtime :
       {"libc.so", "libpthread", "libasan", "libstdc++", "ld-linux"}) {
    if (module.starts_with(runtime)) return "";
  }
  return std::string(module);
}

// What glibc's assert() prints: "program: file.c:12: function: Assertion `expression' failed.", as
// "file.c:12 function `expression'". The folder of the file is that of a build.
std::optional<std::string> ReadAssertion(std::string_view line) {
  constexpr std::string_view kMark = ": Assertion `";
  const size_t mark = line.find(kMark);
  if (mark == line.npos || !line.ends_with("' failed.")) return std::nullopt;
  const std::string_view expression = line.substr(mark + kMark.size());
  std::string_view where = line.substr(0, mark);
  const size_t program = where.find(": ");
  if (program == where.npos) return std::nullopt;
  where.remove_prefix(program + 2);
  const size_t function = where.find(": ");
  if (function == where.npos) return std::nullopt;
  std::string_view file = where.substr(0, function);
  if (const size_t slash = file.rfind('/'); slash != file.npos) file.remove_prefix(slash + 1);
  std::string text(file);
  text += ' ';
  text += where.substr(function + 2);
  text += " `";
  text += expression.substr(0, expression.size() - std::string_view(" failed.").size());
  return text;
}

bool IsFrame(std::string_view line) {
  const size_t start = line.find_first_not_of(' ');
  return start != std::string_view::npos && start >= 4 && line[start] == '#' &&
         line.find("0x", start) != std::string_view::npos;
}

std::vector<std::string> TopFrames(std::string_view report) {
  std::vector<std::string> frames;
  std::string_view line;
  bool inside = false;
  while (ops_text::TakeLine(&report, &line) && frames.size() < Signature::kFrames) {
    if (!IsFrame(line)) {
      if (inside) break;
      continue;
    }
    inside = true;
    std::string name = FrameName(line);
    if (name.empty() || IsRuntime(name)) continue;
    // Recursive frames count once.
    if (std::find(frames.begin(), frames.end(), name) == frames.end()) frames.push_back(name);
  }
  return frames;
}

}  // namespace

std::string Signature::Text() const {
  std::string text = kind;
  if (!detail.empty()) text += ":" + detail;
  for (size_t i = 0; i < frames.size(); ++i) text += (i == 0 ? ":" : "|") + frames[i];
  return text;
}

std::string Signature::Slug() const {
  std::string slug;
  for (const char c : Text()) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '_' || c == '-';
    if (plain) {
      slug += c;
    } else if (!slug.empty() && slug.back() != '-') {
      slug += '-';
    }
  }
  if (slug.size() > 80) slug.resize(80);
  while (!slug.empty() && slug.back() == '-') slug.pop_back();
  return slug;
}

namespace {

// An abort() whose stack `rest` begins with; `assertion`: the one that has failed before it, or "".
Signature Aborted(const std::string& assertion, std::string_view rest) {
  return {assertion.empty() ? "signal" : "assert", assertion, TopFrames(rest)};
}

bool IsNumber(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == text.npos;
}

}  // namespace

Signature ReadSignature(std::string_view report) {
  std::string_view rest = report;
  std::string_view line;
  std::string assertion;
  while (ops_text::TakeLine(&rest, &line)) {
    if (const auto failed = ReadAssertion(line)) assertion = *failed;
    if (const auto violation = After(line, "== resprobe: violation of ")) {
      return {"violation", std::string(FirstWord(*violation)), {}};
    }
    if (const auto undefined = After(line, ": runtime error: ")) {
      std::string_view where = line.substr(0, line.find(": runtime error: "));
      const size_t slash = where.rfind('/');
      if (slash != std::string_view::npos) where.remove_prefix(slash + 1);
      // Without the column: "file.cc:12". Go says "panic: runtime error: ", or has times and
      // addresses before it.
      const size_t column = where.rfind(':');
      const size_t number = column == where.npos ? where.npos : where.rfind(':', column - 1);
      if (number == where.npos || !IsNumber(where.substr(column + 1)) ||
          !IsNumber(where.substr(number + 1, column - number - 1)) ||
          where.find(' ') != where.npos) {
        continue;
      }
      return {"ubsan", std::string(where.substr(0, column)), {}};
    }
    if (const auto address = After(line, "ERROR: AddressSanitizer: ")) {
      // abort() or a failed assertion, which AddressSanitizer reports only with handle_abort.
      if (FirstWord(*address) == "ABRT") return Aborted(assertion, rest);
      return {"asan", std::string(FirstWord(*address)), TopFrames(rest)};
    }
    if (After(line, "ERROR: LeakSanitizer: ")) return {"leak", "", TopFrames(rest)};
    if (const auto fuzzer = After(line, "ERROR: libFuzzer: ")) {
      if (fuzzer->starts_with("timeout")) return {"timeout", "", {}};
      if (fuzzer->starts_with("out-of-memory")) return {"oom", "", {}};
      return Aborted(assertion, rest);
    }
  }
  // Without a report of its abort() there are no frames.
  return assertion.empty() ? Signature{} : Signature{"assert", assertion, {}};
}

std::string ReadStack(std::string_view report) {
  std::string stack;
  std::string_view line;
  while (ops_text::TakeLine(&report, &line)) {
    if (IsFrame(line)) {
      stack += line;
      stack += '\n';
    } else if (!stack.empty()) {
      break;
    }
  }
  return stack;
}

}  // namespace resprobe
