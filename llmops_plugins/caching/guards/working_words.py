"""Common words of business, study and computing, beside those of everyday English."""

from __future__ import annotations

from llmops_plugins.caching.guards.reading import vocabulary

__all__ = ["WORKING_WORDS"]

WORKING_WORDS = vocabulary("""
    abort absence absent abstract academic accelerate acceleration acceptance access accessible
    accommodate accommodation accompany account accountant accounting accuracy accurate achieve
    achievement acknowledge acquire activate active activity adapt adapter addition additional address
    adequate adjective adjust adjustment admin administer administration administrator admission admit
    adopt advanced adverb advertise advertisement advertising advise adviser affair affect agency agenda
    agent aggregate agreement aid alert algorithm align alike allergic allergy allocate alter alternate
    alternative ambulance analyse analysis analyst analyze ancestor anniversary annually anonymous api app
    apparently appetizer applicant application apply appoint appointment apprentice apprenticeship
    approach appropriate approval approve approximate approximately architecture archive argument arrange
    array article assemble assess assessment asset assign assignment assistance assistant associate
    association assurance atom attachment attempt attribute audience audio audit author authorisation
    authorise authority authorization authorize automate automatic automatically availability award
    backend backlog backup bacteria bakery bandage bank banking bankrupt bankruptcy bargain barrier batch
    bathtub battery behalf benchmark bid bill billing binary bind blanket bonus boost boot border bracket
    brand-new bride broadcast browse browser bruise budget buffer bug bulb bulk bundle burden bureau
    business button byte cable cache calculate calculation calendar campaign cancellation candidate candle
    capability capacity capture career carpet carrier cashback cast catalog catalogue category ceiling
    cell central certificate certify chairman changelog channel chapter chart chatbot checkbox checkin
    checklist checkout chip circuit circulate circumference civil classmate classroom clause clerk click
    client clinic cluster code codebase coding colleague column combine command command-line comment
    commerce commercial commission committee communicate communication compatible compensate compensation
    compete competitor compile compiler complex complexity component compose compute computer computing
    concerning conclude conclusion concurrent conference config configuration configure conflict conform
    consequently considerable consistent console constant construct construction consult consultant
    consumer contact contemporary context contract contractor contribution controller convention convert
    cooperate coordinate copyright core corporate corporation cough council counter coupon coverage
    coworker credential credit criminal crosswalk cupboard curriculum cursor curtain custom customer
    customise customize dashboard data database dataset deadline dealer debit debt debug decimal
    declaration declare decrease dedicate default defect defective deficit definite delegate delete
    demonstrate demonstration dentist deny dependency deploy deployment deposit derivative derive desktop
    dessert destination detach detailed detection detergent deviation diagnose diagnosis diagram dial
    diameter dictionary difference digit digital dimension diploma directive directly director directory
    disable discipline disclose disconnect discount discrete disease dishwasher disk dismiss dispatch
    distribution division divorce dizzy doctor documentation domain donate donation dosage dose download
    downtime downtown draft drawer driver dropdown duplicate duration dynamic earnings economic economics
    economy edit edition editor effectively efficiency efficient elect election electric electrical
    electricity electronic electronics eliminate email emergency emission emoji emphasis employee employer
    employment encode encrypt endpoint engage engagement engine engineer engineering enquire enquiry enrol
    enroll enrolment enterprise entity environmental equation equipment error essay essentially estate
    estimate evaluate evaluation evolve examination excess exclusive execution executive exempt exhibit
    exhibition expansion expenditure expense experiment experimental expire expiry explicit exploit
    exponent export expose exposure extension extensive extent external fabric facility faculty failed
    fallback fate faulty federal feedback fetch fever fibre file filing finance financial finding finite
    firm fiscal fixed flag flatmate flaw flight fluent folder follower font footage footer forecast forge
    format formation formula forum foundation fraction framework fraud freelance freelancer freezer
    frequency fridge frontend fulfil fulfill fund fundamental funding funeral furniture gadget gallery
    gasoline gateway gauge gear gender gene generate generator genre global government gradient graduate
    grammar grant graph graphic graphics gravity grid groceries grocery groom gross guard guidance
    guideline gym handset hardware hashtag hazard headcount heading headline headquarters headset heir
    helpdesk highway hire hiring historical homepage homework hook hospital hosting hostname hotline http
    hub hypothesis icon illegal illustrate image immigration implement implementation implication import
    imported inbox incident income incoming incorporate index indicator industrial industry infection
    inflation influence info information infrastructure ingredient inheritance initially initiate
    initiative injury innovation input inquire inquiry insert insight inspection instal install
    installation installment instance institute institution institutional instruct instructor instrument
    insurance insure intake integer integral integrate integration intellectual intelligence intelligent
    intense intensity interact interaction interface interior intermediate intern internal internet
    internship interpretation interval interview inventory investment investor invoice itchy journal
    journalist judgement judgment junior jurisdiction jury justice keyboard keyword kindergarten lab label
    labor laboratory labour lamp landlord landscape laptop latest latter launch laundry lawsuit layout
    leadership lease ledger leftover legislation lender lens liability liable licence license lifecycle
    likewise limitation linear literally literature litigation loan log logarithm logic logical login
    logistics logo logout loop lotion loyalty luggage magnitude mailbox maintain maintenance mandatory
    manual manually manufacture manufacturer margin marketing math mathematics maths matrix mattress
    mature maximise maximize mechanic mechanism median medication medicine membership memo menu
    merchandise merchant merge merger metadata metric microwave migrate migration military minimal
    ministry minority missing mission mode model moderate modern modify module molecule monetary monitor
    mortgage motive motor motorway multiply municipal mutual nausea navigate navigation negotiate
    negotiation neighborhood neighbourhood nested net network neural newsletter node nominal norm notably
    notebook notification notify noun nuclear null numeric numerical nurse nutrition objective obligation
    observation observe obsolete occupation offboarding offence offense offering officer official offline
    offset onboard onboarding online operate operating operation operator optimal optimise optimize
    optional oral orbit organic organisation organise organiser organization organize orientation outbound
    outdated outgoing outlet outline output outstanding oven overdue overhead overlap override overtime
    overwrite ownership packet paid panel paragraph parallel parameter parcel parse partially participant
    participate participation particle partition partnership password patch patent patient pavement
    payable paycheck payload payment payout payroll payslip peer penalty pending pension percent
    percentage perform performance perimeter permanently permit perspective petrol pharmacy phase
    phenomenon philosophy physician physics pill pillow pipeline pixel plate platform playlist plug plugin
    plural podcast policy politician politics poll pollution popup portable portal portfolio portion
    possession poster poverty practitioner precision predict prediction prepaid preparation preschool
    prescription presentation presently president preview primarily prime principal principle printer
    priority privacy privilege probability procedure proceeds processing processor procurement product
    production productive productivity profile profit profitable program programme programmer programming
    progressive project projection prominent promotion prompt pronounce pronunciation proof proportion
    proposal prospect protein protocol provider provision publication publicity publish publisher purchase
    purchaser pursue qualification qualified qualify query queue quota quotation quote radius random rank
    ranking rash rating ratio reboot receipt receiver recession recipient recognition reconcile
    reconciliation recruit recruitment recurring recycle redeem redirect reduced referral reform refresh
    refrigerator refund refundable regarding regime regional register registration regulation regulatory
    reimburse reimbursement reinstall relating relocate reminder renew renewal rental reopen reorder
    replicate repo reporter repository representative reproduce republic reputation request required
    reschedule resend reservation reset residence resident residential resign resignation resolution
    resource respectively respondent responsibility restart restoration restriction retail retailer
    retention retirement retrieve retry revenue reverse revert revise revision revoke rewrite rollback
    rollout roommate rotation roundabout router routine runtime salary sample sanction satellite
    satisfaction saving savings scan scenario schedule scheme scholar scholarship scope score screen
    screenshot script scroll secondhand sector security segment selfie seller semester seminar senior
    sensor sequence serial server session settings settlement setup shampoo shareholder sheet shell shift
    shipment shipping shortage shortcut shortlist sidewalk signal signature signer signin signup simulate
    simulation simultaneous simultaneously skilled slot smartphone snapshot sofa software sole solely
    sometime sophisticated sore sort spam specialise specialist specialize specification specify spectrum
    spelling sponsor spouse spreadsheet sprint stack stakeholder standup startup statement static
    statistic statistical statistics status statute stimulate stock strategic strategy stream streaming
    structural structure studio subscribe subscriber subscription subset subsidiary subsidy substantial
    substitute subtract suburb sum summarise summarize summary supermarket supervise supervisor supplement
    supplier surcharge surgery surplus survey suspend suspension swelling switch syllabus symbol sync
    synchronise synchronize syntax system systematic tab tablet tactic tag takeaway takeout target task
    tax taxation taxi technical technician technique technology telephone television template tenant tense
    tentative terminal terminate termination terminology territory testify testimony testing textbook
    theme theorem theoretical therapy thesis thread threshold timeline timeout timestamp timetable tire
    tissue toggle token tolerance tooltip toothbrush tourism tournament towel trademark trading trainee
    trainer training transaction transcript transfer transit transition translate translation transmission
    transmit transport transportation treaty trend tribunal troubleshoot tuition tutor tutorial typing
    tyre ultimate ultimately unable unavailable undo unemployment uninstall upcoming update upgrade uphold
    upload upright upvote url usage username utilise utility utilize vacancy vacant vaccine vacuum valid
    validate validation validity valuation variable variance variant variation velocity vendor venture
    venue verb verdict verification verify versus vertex veteran viable video violate violation virtual
    virus visa visible vision visual vocabulary voicemail volunteer voucher vulnerable wage wallet
    wardrobe warehouse warrant warranty webinar webpage website welfare whereby widget width wifi wireless
    wiring withdrawal witness workbook worker workflow workforce workload workplace worksheet workshop
    workspace worldwide wound written
""")
