#include "live/restore/payload_shrink.h"

#include <cstddef>
#include <optional>
#include <vector>

#include "engine/shrink.h"
#include "live/restore/packed_blob.h"
#include "live/restore/payload.h"

namespace resprobe::live {
namespace {

class PayloadShrinker {
 public:
  PayloadShrinker(std::string* value, const std::function<bool(const std::string&)>& still_fails)
      : value_(value), still_fails_(still_fails), payload_(ParsePayload(*value)) {}

  void Run() {
    for (size_t i = payload_.parts.size(); i-- > 0;) {
      if (i >= payload_.parts.size()) continue;
      DropElements(i);
      if (i < payload_.parts.size()) Simplify(i);
    }
  }

 private:
  // True if the value with this change still fails; otherwise the change is taken back.
  bool Try(const PayloadValue& candidate) {
    std::string written = WritePayload(candidate);
    if (written == *value_ || !still_fails_(written)) return false;
    *value_ = std::move(written);
    payload_ = candidate;
    return true;
  }

  // Leaves out what follows a length, as far as it is an element of one to three parts.
  void DropElements(size_t at) {
    constexpr size_t kMostParts = 3;
    if (payload_.parts[at].kind != PayloadPart::Kind::kLength) return;
    for (bool again = true; again && payload_.parts[at].length > 0;) {
      again = false;
      for (size_t parts = 1; parts <= kMostParts && !again; ++parts) {
        if (at + parts >= payload_.parts.size()) break;
        PayloadValue candidate = payload_;
        --candidate.parts[at].length;
        candidate.parts[at].written.clear();
        const auto first = candidate.parts.begin() + static_cast<ptrdiff_t>(at) + 1;
        candidate.parts.erase(first, first + static_cast<ptrdiff_t>(parts));
        again = Try(candidate);
      }
    }
  }

  void Simplify(size_t at) {
    if (payload_.parts[at].kind != PayloadPart::Kind::kString) return;
    if (!payload_.parts[at].written.empty() ||
        payload_.parts[at].coding != PayloadPart::Coding::kRaw) {  // in the usual form
      PayloadValue candidate = payload_;
      candidate.parts[at].written.clear();
      candidate.parts[at].coding = PayloadPart::Coding::kRaw;
      Try(candidate);
      if (!payload_.parts[at].written.empty()) return;
    }
    const Blob kind = payload_.parts[at].blob;
    std::optional<PackedBlob> packed;
    if (kind != Blob::kPlain)
      packed = ParsePacked(payload_.parts[at].bytes, kind == Blob::kZiplist);
    const auto try_bytes = [&](std::string bytes) {
      PayloadValue candidate = payload_;
      candidate.parts[at].bytes = std::move(bytes);
      return Try(candidate);
    };
    if (packed) {
      const std::string_view bytes = payload_.parts[at].bytes;
      if (WritePacked(*packed) != bytes) {  // its header is wrong: which field must be?
        PackedBlob as_it_is = *packed;
        constexpr size_t kCountAt = 4;
        as_it_is.total = FromLittleEndian<uint32_t>(bytes);
        as_it_is.count = FromLittleEndian<uint16_t>(bytes.substr(packed->ziplist ? 8 : kCountAt));
        if (packed->ziplist) as_it_is.tail = FromLittleEndian<uint32_t>(bytes.substr(kCountAt));
        packed = as_it_is;
        for (const int field : {0, 1, 2}) {
          PackedBlob right = *packed;
          if (field == 0) right.total.reset();
          if (field == 1) right.count.reset();
          if (field == 2) right.tail.reset();
          if (try_bytes(WritePacked(right))) packed = right;
        }
      }
      std::vector<PackedEntry> entries = packed->entries;
      DeleteRuns<PackedEntry>(&entries, [&](const std::vector<PackedEntry>& fewer) {
        PackedBlob candidate = *packed;
        candidate.entries = fewer;
        return try_bytes(WritePacked(candidate));
      });
      return;
    }
    const std::string& text = payload_.parts[at].bytes;
    std::vector<char> bytes(text.begin(), text.end());
    DeleteRuns<char>(&bytes, [&](const std::vector<char>& fewer) {
      return try_bytes(std::string(fewer.begin(), fewer.end()));
    });
  }

  std::string* value_;
  const std::function<bool(const std::string&)>& still_fails_;
  PayloadValue payload_;
};

}  // namespace

void ShrinkPayload(std::string* value, const std::function<bool(const std::string&)>& still_fails) {
  PayloadShrinker(value, still_fails).Run();
}

}  // namespace resprobe::live
