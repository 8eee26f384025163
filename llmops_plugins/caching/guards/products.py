"""Products, companies, software and institutions that count as names in lower case too."""

from __future__ import annotations

from llmops_plugins.caching.guards.reading import vocabulary

__all__ = ["CAPITALISED_PRODUCTS", "PRODUCTS", "PRODUCT_ALIASES"]

PRODUCTS = vocabulary("""
    google gmail youtube microsoft facebook instagram whatsapp twitter linkedin snapchat tiktok reddit quora
    pinterest telegram skype zoom discord tumblr netflix spotify hulu disney twitch uber lyft airbnb ebay etsy
    walmart costco ikea tesco aldi lidl alibaba aliexpress flipkart paytm myntra snapdeal zomato swiggy ola
    shopify woocommerce magento wordpress drupal joomla wix squarespace wikipedia
    samsung sony nokia motorola huawei xiaomi oneplus oppo vivo realme htc lenovo dell asus acer toshiba hp
        lg panasonic philips siemens bosch canon nikon fujifilm gopro garmin fitbit nvidia amd intel
    qualcomm cisco
    ibm sap salesforce hubspot zendesk slack trello jira asana notion dropbox onedrive icloud evernote
    photoshop illustrator lightroom figma autocad blender gimp inkscape sketchup matlab
    iphone ipad ipod macbook imac android ios macos osx windows linux ubuntu debian fedora centos redhat
    chromebook kindle alexa siri cortana playstation xbox nintendo wii ps4 ps5 airpods
    chrome firefox safari edge opera chromium brave bing yahoo duckduckgo baidu
    outlook thunderbird excel powerpoint onenote openoffice libreoffice
    visa mastercard amex discover paypal venmo zelle stripe klarna revolut wise payoneer skrill apple_pay
    hsbc barclays lloyds natwest santander citibank citi chase hdfc icici sbi kotak wells_fargo jpmorgan
    bitcoin ethereum litecoin dogecoin
    python java javascript typescript kotlin scala haskell erlang elixir clojure perl php ruby fortran cobol
    golang rust cpp csharp matlab lua dart
    react angular vue svelte jquery nodejs django flask fastapi rails laravel symfony hibernate nextjs
    numpy pandas tensorflow pytorch keras sklearn pytest junit maven gradle webpack npm yarn pip conda poetry
    mysql postgres postgresql sqlite oracle mongodb redis cassandra mariadb dynamodb elasticsearch snowflake
    bigquery neo4j kafka rabbitmq spark hadoop airflow docker kubernetes podman terraform ansible jenkins
    github gitlab bitbucket git svn mercurial nginx apache tomcat iis graphql grpc rest soap
    aws azure gcp heroku vercel netlify cloudflare digitalocean s3 ec2 lambda
    vim emacs vscode intellij eclipse pycharm xcode sublime notepad bash zsh powershell fish
    html css json xml yaml toml csv pdf docx xlsx pptx mp3 mp4 wav png jpeg jpg gif svg webp zip rar tar
    http https ftp sftp ssh tls ssl tcp udp ipv4 ipv6 wifi bluetooth ethernet usb hdmi nfc vpn imap pop3 smtp
    chatgpt openai claude gemini llama mistral langchain langgraph copilot
    toyota honda ford nissan hyundai kia mazda subaru bmw mercedes audi volkswagen vw porsche ferrari tesla
    volvo renault peugeot fiat jaguar lexus suzuki yamaha kawasaki harley ducati boeing airbus
    ryanair easyjet lufthansa emirates qantas delta klm iberia amtrak eurostar expedia
    marriott hilton hyatt
    nike adidas puma reebok zara gucci prada rolex starbucks mcdonalds kfc pepsi nestle
    harvard stanford yale princeton oxford cambridge mit iit iim upsc gre gmat toefl ielts sat gate neet cat
    fedex ups dhl usps
    spotify deezer tidal
    trump obama hillary clinton modi putin biden kejriwal einstein newton shakespeare hitler gandhi napoleon
    mozart beethoven picasso darwin tesla edison messi ronaldo
    christmas easter ramadan diwali thanksgiving halloween hanukkah
    islam muslim muslims christian christianity christians hindu hindus hinduism buddhism buddhist judaism
    jewish jews catholic protestant sikh
    nato nasa fbi cia kgb isis unesco fifa nba nfl
    """) - {
    "discover",
    "delta",
    "cat",
    "sat",
    "gate",
    "edge",
    "opera",
    "wise",
    "fish",
    "rest",
    "sublime",
    "brave",
    "dart",
}

CAPITALISED_PRODUCTS = vocabulary("""
    apple amazon meta target gap shell discover delta edge opera wise fish rest sublime brave dart swift go
    word access teams office windows pages numbers keynote oracle ruby swift spring express jordan chad
    georgia mali guinea chile niger polish nice bath reading java mercury earth sun moon
    """)
"""Names that are other words in lower case, and count with a capital even where a sentence begins."""

PRODUCT_ALIASES = {
    "postgresql": "postgres",
    "js": "javascript",
    "golang": "go",
    "jpg": "jpeg",
    "vw": "volkswagen",
    "c++": "cpp",
    "c#": "csharp",
    "american express": "amex",
    "fb": "facebook",
    "insta": "instagram",
    "ig": "instagram",
    "yt": "youtube",
    "k8s": "kubernetes",
    "wi fi": "wifi",
    "node js": "nodejs",
    "react js": "react",
    "visual studio code": "vscode",
    "vs code": "vscode",
    "g mail": "gmail",
    "you tube": "youtube",
    "linked in": "linkedin",
    "whats app": "whatsapp",
    "mac os": "macos",
    "os x": "macos",
    "osx": "macos",
    "mac": "macos",
    "mercedes benz": "mercedes",
    "mongo": "mongodb",
    "muslims": "islam",
    "muslim": "islam",
    "christians": "christianity",
    "christian": "christianity",
    "hindus": "hinduism",
    "hindu": "hinduism",
    "buddhist": "buddhism",
    "jews": "judaism",
    "jewish": "judaism",
    "donald trump": "trump",
    "narendra modi": "modi",
    "hillary clinton": "hillary",
    "clinton": "hillary",
    "xmas": "christmas",
}
"""Case-folded word or phrase to the name it is compared under."""
