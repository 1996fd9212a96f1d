// Privileges of the server that some of what it does for others must not have: capabilities(7), of a thread.
#ifndef HARDLINKFS_STORE_BASE_PRIVILEGE_H_
#define HARDLINKFS_STORE_BASE_PRIVILEGE_H_

namespace hardlinkfs {

// Until destroyed the calling thread does without a capability (CAP_…). Without an effect on one that has not got it.
class WithoutPrivilege {
 public:
  explicit WithoutPrivilege(unsigned capability);
  ~WithoutPrivilege();
  WithoutPrivilege(const WithoutPrivilege&) = delete;
  WithoutPrivilege& operator=(const WithoutPrivilege&) = delete;

 private:
  const unsigned capability_;
  bool had_ = false;
};

// Has the calling thread use all that it may: taking another's ids it loses what those have not got.
void UseAllPrivileges();

// For good, of the calling thread and those that it will start.
void GiveUpPrivilege(unsigned capability);

}  // namespace hardlinkfs

#endif  // HARDLINKFS_STORE_BASE_PRIVILEGE_H_
