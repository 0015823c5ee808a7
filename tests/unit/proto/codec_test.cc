// The codec: every message comes back as it was, defaults cost nothing, and no
// octets that a stranger sends do more than give an error.
#include "proto/codec.h"

#include <gtest/gtest.h>

#include <random>

#include "base/text.h"
#include "proto/codec_detail.h"

namespace gd {
namespace {

// Fills every field of a struct with something that is not its default.
struct Filler {
  uint32_t next = 1;

  template <class T>
  void fill(T& value) {
    if constexpr (codec::HasFields<T>) {
      T::visit(value, [&](const char*, auto& member) { fill(member); });
    } else if constexpr (codec::IsId<T>::value) {
      value.value = next++;
    } else if constexpr (std::is_same_v<T, bool>) {
      value = !value;
    } else if constexpr (std::is_enum_v<T>) {
      value = static_cast<T>(codec::last_of(T{}));
    } else if constexpr (std::is_arithmetic_v<T>) {
      value = static_cast<T>(next++ % 100 + 3);
    } else {
      fill_one(value);
    }
  }
  void fill_one(std::string& text) { text = "text" + std::to_string(next++); }
  void fill_one(Digest& digest) { digest.octets.fill(static_cast<uint8_t>(next++)); }
  void fill_one(TimePoint& time) { time = TimePoint{Milliseconds{next++}}; }
  void fill_one(Seconds& time) { time = Seconds{1000 + next++}; }
  void fill_one(std::shared_ptr<const JobSpec>& spec) {
    auto fresh = std::make_shared<JobSpec>();
    fill(*fresh);
    spec = std::move(fresh);
  }
  template <class T>
  void fill_one(std::optional<T>& value) {
    fill(value.emplace());
  }
  template <class T>
  void fill_one(std::vector<T>& values) {
    values.resize(2);
    for (T& value : values) fill(value);
  }
};

template <size_t index = 0, class Use>
void for_each_alternative(Use use) {
  if constexpr (index < std::variant_size_v<MessageVariant>) {
    use(Message{std::in_place_index<index>});
    for_each_alternative<index + 1>(use);
  }
}

std::vector<Message> filled_messages() {
  std::vector<Message> all;
  for_each_alternative([&](Message message) {
    Filler filler;
    std::visit([&](auto& body) { filler.fill(body); }, message);
    all.push_back(std::move(message));
  });
  return all;
}

TEST(Codec, EveryMessageComesBackAsItWas) {
  for (const Message& message : filled_messages()) {
    SCOPED_TRACE(describe(message));
    const Result<Message> back = decode(encode(message));
    ASSERT_TRUE(back.ok()) << back.error().text;
    EXPECT_TRUE(*back == message);
  }
}

TEST(Codec, EveryEmptyMessageComesBackAndIsSmall) {
  for_each_alternative([](const Message& message) {
    SCOPED_TRACE(name(type_of(message)));
    const Bytes bytes = encode(message);
    EXPECT_LE(bytes.size(), 8u);
    const Result<Message> back = decode(bytes);
    ASSERT_TRUE(back.ok()) << back.error().text;
    EXPECT_TRUE(*back == message);
  });
}

TEST(Codec, EveryTypeHasANumberAndANameOfItsOwn) {
  std::vector<std::string_view> names;
  for_each_alternative([&](const Message& message) { names.push_back(name(type_of(message))); });
  std::sort(names.begin(), names.end());
  EXPECT_EQ(std::adjacent_find(names.begin(), names.end()), names.end());
  EXPECT_FALSE(std::binary_search(names.begin(), names.end(), "unknown"));
}

TEST(Codec, AnUnknownFieldIsSkippedAndAMissingOneKeepsItsDefault) {
  msgpack::sbuffer buffer;
  codec::Packer packer(buffer);
  packer.pack_array(3);
  packer.pack(kProtocolVersion);
  packer.pack(static_cast<uint16_t>(MessageType::job_notice));
  packer.pack_map(2);
  packer.pack("of a later release");
  packer.pack_array(1);
  packer.pack(7);
  packer.pack("job");
  packer.pack(42);
  const Result<Message> got = decode({buffer.data(), buffer.size()});
  ASSERT_TRUE(got.ok()) << got.error().text;
  JobNotice expected;
  expected.job = JobId{42};
  EXPECT_TRUE(*got == Message{expected});
}

TEST(Codec, AnotherVersionIsAnErrorThatNamesBoth) {
  msgpack::sbuffer buffer;
  codec::Packer packer(buffer);
  packer.pack_array(3);
  packer.pack(uint16_t{9});
  packer.pack(uint16_t{2});
  packer.pack_map(0);
  const Result<Message> got = decode({buffer.data(), buffer.size()});
  ASSERT_FALSE(got.ok());
  EXPECT_EQ(got.error().text, "protocol version 9, this is version 1");
}

TEST(Codec, GoldenBytesHoldTheFormatStill) {
  CancelRequest cancel;
  cancel.filter.jobs = {JobId{3}};
  cancel.signal = 10;
  EXPECT_EQ(to_hex(encode(cancel)),
            "93010e82a666696c74657281a46a6f627391"
            "03a67369676e616c0a");
}

TEST(Codec, ForeignOctetsGiveErrorsAndNothingElse) {
  std::mt19937 random(7);
  for (const Message& message : filled_messages()) {
    const Bytes good = encode(message);
    for (int round = 0; round < 200; ++round) {
      Bytes bad = good;
      for (uint32_t hits = random() % 4 + 1; hits > 0; --hits) {
        bad[random() % bad.size()] = static_cast<char>(random());
      }
      if (round % 3 == 0) bad.resize(random() % (bad.size() + 1));
      const Result<Message> got = decode(bad);
      EXPECT_TRUE(got.ok() || !got.error().text.empty());
    }
  }
}

TEST(Codec, RefusesWhatIsOverALimit) {
  const Bytes large(kMaxMessageBytes + 1, '\0');
  EXPECT_EQ(decode(large).error().code, ErrorCode::invalid);

  const Bytes deep(1000, '\x91');  // [[[[...
  EXPECT_EQ(decode(deep).error().code, ErrorCode::invalid);

  const Bytes promises("\xdd\xff\xff\xff\xff", 5);  // an array of four thousand million
  EXPECT_EQ(decode(promises).error().code, ErrorCode::invalid);

  EXPECT_EQ(decode(encode(PingRequest{}) + "x").error().text,
            "malformed message: octets after its end");
  EXPECT_FALSE(decode("").ok());
}

TEST(Codec, AnEnumPastItsLastValueIsRefused) {
  JobControlRequest request;
  request.action = static_cast<JobAction>(200);
  EXPECT_FALSE(decode(encode(request)).ok());
}

TEST(Codec, AJobRecordIsStoredByNameAndSmall) {
  JobRecord job;
  job.id = JobId{12};
  job.uid = 1001;
  job.user = "alice";
  auto spec = std::make_shared<JobSpec>();
  spec->name = "wrap";
  spec->chdir = "/home/alice";
  job.spec = spec;
  const Bytes bytes = encode_record(job);
  EXPECT_LT(bytes.size(), 120u);
  const Result<JobRecord> back = decode_record<JobRecord>(bytes);
  ASSERT_TRUE(back.ok());
  EXPECT_TRUE(*back == job);
}

TEST(Codec, SecretsAreNotShown) {
  LoginAnswer answer;
  answer.text = "swordfish";
  EXPECT_EQ(describe(answer).find("swordfish"), std::string::npos);
  NodeOrders orders;
  orders.launches.push_back({.job_key = "public", .job_secret = "swordfish"});
  EXPECT_NE(describe(orders).find("public"), std::string::npos);
  EXPECT_EQ(describe(orders).find("swordfish"), std::string::npos);
}

TEST(JobRecordEquality, SeesEveryField) {
  JobRecord base;
  base.spec = std::make_shared<JobSpec>();
  int seen = 0;
  JobRecord::visit(base, [&](const char*, auto&) { ++seen; });
  for (int field = 0; field < seen; ++field) {
    JobRecord changed = base;
    int at = 0;
    std::string changed_name;
    JobRecord::visit(changed, [&](const char* name, auto& member) {
      if (at++ != field) return;
      changed_name = name;
      Filler{}.fill(member);
    });
    EXPECT_FALSE(changed == base) << changed_name;
  }
}

TEST(Codec, APageOfStoredRecordsIsWhatEncodeGives) {
  JobQueryReply reply;
  std::vector<Bytes> records;
  for (uint32_t id = 1; id <= 3; ++id) {
    JobView view;
    view.job.id = JobId{id};
    view.job.spec = std::make_shared<const JobSpec>(JobSpec{.name = "job"});
    if (id != 1) view.priority = 7.5 * id;
    if (id == 3) view.samples = {{.job = JobId{id}, .cpu_milli = 7}};
    if (id == 3) view.expected_start = TimePoint{Milliseconds{1'700'000'000'000}};
    records.push_back(encode_record(view.job));
    reply.jobs.push_back(std::move(view));
  }
  const auto page = [&](bool more) {
    std::vector<StoredJobView> stored;
    for (size_t i = 0; i < reply.jobs.size(); ++i) {
      stored.push_back({records[i], reply.jobs[i].priority, reply.jobs[i].expected_start,
                        reply.jobs[i].terms,
                        reply.jobs[i].samples.empty() ? nullptr : &reply.jobs[i].samples});
    }
    return encode_job_page(stored, more);
  };
  EXPECT_EQ(page(false), encode(reply));
  reply.more = true;
  EXPECT_EQ(page(true), encode(reply));
  reply.jobs.clear();
  EXPECT_EQ(page(true), encode(reply));
}

}  // namespace
}  // namespace gd
